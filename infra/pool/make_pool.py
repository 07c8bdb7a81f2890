"""Writes `template.yaml` beside it: a usage plan, a name for requests with a bad key, and 64 more.

CloudFormation's own loops are not understood by every local tool, so they are written out here.
"""

from pathlib import Path
from typing import Final

from imgvec.consumers.authorizer import ANONYMOUS, POOL

TARGET: Final = Path(__file__).with_name("template.yaml")
HEAD: Final = """\
# Made by `make pool`; edit infra/pool/make_pool.py instead.
AWSTemplateFormatVersion: "2010-09-09"
Description: imgvec - names to throttle by where the gateway cannot know the consumer.

Parameters:
  Prefix: {Type: String, Description: Beginning of every name.}
  PlanName: {Type: String, Description: Name of the usage plan.}
  Api: {Type: String, Description: The REST API.}
  Stage: {Type: String, Description: Its stage.}

Resources:
  Plan:
    Type: AWS::ApiGateway::UsagePlan
    Properties:
      UsagePlanName: !Ref PlanName
      ApiStages: [{ApiId: !Ref Api, Stage: !Ref Stage}]
      # Of each name, not of all together.
      Throttle: {RateLimit: 2, BurstLimit: 10}
"""
PAIR: Final = """\
  Key{id}:
    Type: AWS::ApiGateway::ApiKey
    Properties: {{Enabled: true, Value: !Sub "${{Prefix}}-{name}"}}
  Use{id}:
    Type: AWS::ApiGateway::UsagePlanKey
    Properties: {{KeyId: !Ref Key{id}, KeyType: API_KEY, UsagePlanId: !Ref Plan}}
"""


def pool_template() -> str:
    """The whole file."""
    names = (ANONYMOUS, *POOL)
    return HEAD + "".join(PAIR.format(id=name.title(), name=name) for name in names)


if __name__ == "__main__":
    TARGET.write_text(pool_template())
