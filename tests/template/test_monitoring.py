"""Alarms and the dashboard: for every function, by stack, and with the bill's own prices."""

import ast
import json
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from imgvec_benchmarks.cost import COLD_SHARE, LOG_BYTES, MILLION, Workload, bill
from tests.support.aws.translated_template import Resource, nested, written
from tests.support.server.places import ROOT

FOLDERS: Final = sorted(path.parent.name for path in ROOT.glob("infra/*/template.yaml"))
FUNCTIONS: Final = ("Embeddings", "Assets", "Authorizer")
RUNBOOK: Final = (ROOT / "docs" / "how-to" / "runbook.md").read_text()


def alarms() -> Iterator[tuple[str, str, Resource]]:
    """Folder, name and properties of every alarm of every template."""
    for folder in FOLDERS:
        for name, one in nested(folder)["Resources"].items():
            if one["Type"] == "AWS::CloudWatch::Alarm":
                yield folder, name, one["Properties"]


def test_the_runbook_has_each_alarm_and_no_other() -> None:
    told = re.findall(r"^### `(\w+)` of (\w+)$", RUNBOOK, re.M)
    there = {(name, folder) for folder, name, _ in alarms()}
    assert len(there) >= 12, "positive control"
    assert set(told) == there
    assert len(told) == len(there)


def test_every_alarm_is_sent() -> None:
    for folder, name, alarm in alarms():
        actions = alarm["AlarmActions"]
        if name == "AskedWithoutCopy":
            assert actions == [{"Ref": "FromNoCopy"}]
            continue
        sent = actions.get("Fn::If", [None, actions])[1] if isinstance(actions, dict) else actions
        assert sent == [{"Ref": "Alarms"}], (folder, name)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("suffix", "metric"), [("Errors", "Errors"), ("Throttled", "Throttles")])
def test_every_function_is_watched(function: str, suffix: str, metric: str) -> None:
    alarm = nested("monitoring")["Resources"][function + suffix]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", metric)
    assert alarm["Dimensions"] == [
        {"Name": "FunctionName", "Value": {"Ref": f"{function}Function"}}
    ]


def test_failed_starts_are_counted_in_every_functions_log() -> None:
    """The platform writes such a line at the level WARN, which `SystemLogLevel` lets pass."""
    resources = nested("monitoring")["Resources"]
    filters = [
        one["Properties"] for one in resources.values() if one["Type"] == "AWS::Logs::MetricFilter"
    ]
    assert {one["LogGroupName"]["Ref"] for one in filters} == {f"{name}Logs" for name in FUNCTIONS}
    alarm = resources["FailedStarts"]["Properties"]
    for one in filters:
        (metric,) = one["MetricTransformations"]
        assert metric["MetricName"] == alarm["MetricName"]
        assert metric["MetricNamespace"] == alarm["Namespace"]
        assert "platform.initReport" in one["FilterPattern"]


def test_who_sends_alarms_may_use_the_topics_key() -> None:
    resources = nested("alarms")["Resources"]
    assert resources["Topic"]["Properties"]["KmsMasterKeyId"] == {"Ref": "Key"}
    senders = {"cloudwatch.amazonaws.com", "budgets.amazonaws.com"}
    (use,) = [
        one
        for one in resources["Key"]["Properties"]["KeyPolicy"]["Statement"]
        if "Service" in one["Principal"]
    ]
    assert set(use["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    (publish,) = resources["TopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert set(use["Principal"]["Service"]) == set(publish["Principal"]["Service"]) == senders


def test_the_page_counts_the_alarms_that_are_billed() -> None:
    page = (ROOT / "docs" / "explanation" / "cost.md").read_text()
    alarms_of_every_stack = sum(folder == "monitoring" for folder, _, _ in alarms())
    dollars = alarms_of_every_stack * 0.10
    assert f"alarms of CloudWatch: {alarms_of_every_stack}, at $0.10 | {dollars:.2f} |" in page


def widgets() -> list[dict[str, Any]]:
    """The widgets of the dashboard."""
    body = nested("monitoring")["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


def test_the_dashboard_has_the_metrics_of_its_own_stack() -> None:
    titles = {widget["properties"]["title"] for widget in widgets()}
    assert len(titles) == 6
    shown = [metric for widget in widgets() for metric in widget["properties"]["metrics"]]
    named = [metric for metric in shown if metric[0] == "imgvec"]
    assert len(named) == 4
    for metric in named:
        assert metric[2:6] == ["service", "embeddings", "stack", "${Name}"]
    assert "consumer" not in json.dumps(shown).lower()
    variables = written()["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["STACK"] == {"Ref": "AWS::StackName"}


OPERATORS: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def computed(node: ast.expr, values: dict[str, float]) -> float:
    """The value of an expression of CloudWatch's."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](computed(left, values), computed(right, values))
        case ast.Call(func=ast.Name(id="FILL"), args=[metric, _]):
            return computed(metric, values)
    raise NotImplementedError(ast.dump(node))


def test_the_cost_of_the_dashboard_is_the_bills() -> None:
    """Of a million uploads, from metrics as AWS would have them, and `imgvec cost`'s prices."""
    (widget,) = [one for one in widgets() if "Cost" in one["properties"]["title"]]
    options = [metric[-1] for metric in widget["properties"]["metrics"]]
    measured = {one["id"] for one in options if "expression" not in one}
    work = Workload(MILLION, 2.0)
    values: dict[str, float] = dict.fromkeys(measured, 0.0) | {
        "requests": MILLION,
        "images": MILLION,
        "calls1": MILLION,
        "calls3": MILLION,
        "ms1": MILLION * work.function_ms,
        "ms3": MILLION * 2.0,
        "cold": MILLION * COLD_SHARE,
        "writes": 2 * MILLION,
        "reads": MILLION,
        "bytes1": MILLION * (LOG_BYTES["rest"] - 135),
        "bytes4": MILLION * 135,
    }
    assert values.keys() == measured
    for one in reversed([one for one in options if "expression" in one]):
        text = one["expression"].replace("${Memory}", "1769")
        values[one["id"]] = computed(ast.parse(text, mode="eval").body, values)
    assert values["cost"] == pytest.approx(1000 * sum(bill(work).values()) / MILLION, rel=0.001)
