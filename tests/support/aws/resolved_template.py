"""A template as CloudFormation sees it under given parameters: conditions decided, references left.

It knows the functions that this project's templates use, and fails at any other.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

PSEUDO: Final = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "imgvec-test",
    "AWS::URLSuffix": "amazonaws.com",
}
NOTHING: Final = {"Ref": "AWS::NoValue"}
UNRESOLVED: Final = frozenset({"Ref", "Fn::GetAtt", "Fn::Sub"})
"""Functions that stay where they name something of which only a deployment knows the value."""


@dataclass(frozen=True)
class Reference:
    """That one part of a template needs another one."""

    name: str
    attribute: str = ""


@dataclass
class Stack:
    """A template's resources and outputs under given parameters."""

    template: Mapping[str, Any]
    parameters: Mapping[str, Any]
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, template: Mapping[str, Any], given: Mapping[str, Any]) -> Self:
        """Decide every condition; parameters that are not given have their defaults."""
        declared = template.get("Parameters", {})
        values = {name: given.get(name, one.get("Default")) for name, one in declared.items()}
        for name, value in values.items():
            if declared[name]["Type"] == "CommaDelimitedList":
                values[name] = str(value).split(",")
        stack = cls(template, PSEUDO | values)
        stack.resources |= stack._present("Resources")
        stack.outputs |= stack._present("Outputs")
        return stack

    def value(self, written: Any) -> Any:
        """A value with its conditions and parameters in place; what a deployment decides stays."""
        if isinstance(written, list):
            return [one for one in map(self.value, written) if one != NOTHING]
        if not isinstance(written, dict):
            return written
        if len(written) == 1:
            ((function, argument),) = written.items()
            if function.startswith("Fn::") or function == "Ref":
                return self._called(function, argument)
        values = {name: self.value(one) for name, one in written.items()}
        return {name: one for name, one in values.items() if one != NOTHING}

    def holds(self, condition: Any) -> bool:
        """Whether a condition, or the one of this name, is true."""
        if isinstance(condition, str):
            condition = self.template["Conditions"][condition]
        ((function, argument),) = condition.items()
        match function:
            case "Condition":
                return self.holds(argument)
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(map(self.holds, argument))
            case "Fn::Or":
                return any(map(self.holds, argument))
            case "Fn::Equals":
                first, second = map(self.value, argument)
                return str(first) == str(second)
            case "Fn::Contains":
                values, value = map(self.value, argument)
                return value in values
        raise NotImplementedError(function)

    def _present(self, section: str) -> dict[str, Any]:
        return {
            name: self.value(one)
            for name, one in self.template.get(section, {}).items()
            if "Condition" not in one or self.holds(one["Condition"])
        }

    def _called(self, function: str, argument: Any) -> Any:
        match function:
            case "Fn::If":
                condition, then, otherwise = argument
                return self.value(then if self.holds(condition) else otherwise)
            case "Fn::Join":
                separator, parts = argument
                return separator.join(self.value(parts))
            case "Fn::FindInMap":
                mapping, first, second = map(self.value, argument)
                return self.template["Mappings"][mapping][str(first)][second]
            case "Ref" if argument in self.parameters:
                return self.parameters[argument]
            case "Fn::Sub" if isinstance(argument, str):
                return self._filled(argument)
            case _ if function in UNRESOLVED:
                return {function: argument}
        raise NotImplementedError(function)

    def _filled(self, text: str) -> Any:
        known = re.sub(
            r"\$\{([^!}]+)\}", lambda found: str(self.parameters.get(found[1], found[0])), text
        )
        return {"Fn::Sub": known} if "${" in known else known


def references(value: Any) -> Iterator[Reference]:
    """Everything that a resolved value names."""
    if isinstance(value, list):
        for one in value:
            yield from references(one)
    if not isinstance(value, dict):
        return
    for name, one in value.items():
        if name == "Ref":
            yield Reference(one)
        elif name == "Fn::GetAtt":
            target, _, attribute = one.partition(".") if isinstance(one, str) else _pair(one)
            yield Reference(target, attribute)
        elif name == "Fn::Sub":
            text, given = one if isinstance(one, list) else (one, {})
            yield from references(given)
            for found in set(re.findall(r"\$\{([^!}]+)\}", text)) - set(given):
                target, _, attribute = found.partition(".")
                yield Reference(target, attribute)
        else:
            yield from references(one)


def as_text(value: Any) -> str:
    """A resolved value as one text, references as `Fn::Sub` writes them."""
    if not isinstance(value, dict):
        return str(value)
    ((function, argument),) = value.items()
    if function == "Fn::Sub":
        return str(argument)
    return f"${{{argument if isinstance(argument, str) else '.'.join(argument)}}}"


def dependencies(resource: Mapping[str, Any]) -> set[str]:
    """Names of the resources that `DependsOn` names."""
    named = resource.get("DependsOn", [])
    return {named} if isinstance(named, str) else set(named)


def _pair(parts: list[str]) -> tuple[str, str, str]:
    target, attribute = parts
    return target, "", attribute
