# case: net_sdk_clients
# packages: boto3, openai, litellm
# shows: software development kits of services; the host answers with some HTTP error, offline there is no answer at all
# env: AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=eu-west-1 AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt LITELLM_LOCAL_MODEL_COST_MAP=True AWS_MAX_ATTEMPTS=1
# timeout: 120
# conditions: offline docker
# cause.test_boto3: library=boto3|botocore|urllib3 dimension=network
# cause.test_boto3_wrapped: library=boto3|botocore|urllib3|- dimension=network
# cause.test_openai: library=openai|httpx|httpcore dimension=network
# cause.test_litellm: library=litellm|openai|httpx|httpcore dimension=network
import boto3
import botocore.exceptions
import openai
import pytest

URL = "https://pypi.org"


def test_boto3():
    with pytest.raises(botocore.exceptions.ClientError):
        boto3.client("s3", endpoint_url=URL).head_bucket(Bucket="acme-invoices")


def test_boto3_wrapped():
    try:
        boto3.client("dynamodb", endpoint_url=URL).list_tables()
    except botocore.exceptions.ClientError:
        pass
    except botocore.exceptions.BotoCoreError as error:
        raise RuntimeError("no table store") from error


def test_openai():
    client = openai.OpenAI(api_key="none", base_url=URL + "/v1", max_retries=0, timeout=10)
    try:
        client.models.list()
    except openai.APIStatusError:
        pass


def test_litellm():
    import litellm

    try:
        litellm.completion(
            "openai/gpt-4",
            messages=[{"role": "user", "content": "hi"}],
            api_base=URL + "/v1",
            api_key="none",
            num_retries=0,
        )
    except (litellm.NotFoundError, litellm.BadRequestError, litellm.PermissionDeniedError):
        pass
