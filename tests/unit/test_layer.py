"""The layer is small, and what is left of the AWS SDK's data says the same as all of it."""

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from local.packages import layer_package
from tests.integration.emulated_aws import BUCKET, emulated_aws

SERVICES = ("dynamodb", "events", "s3", "scheduler", "secretsmanager", "sqs")


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("layer")
    with zipfile.ZipFile(io.BytesIO(layer_package())) as package:
        package.extractall(folder)
    return folder / "python"


@pytest.fixture
def pruned(layer: Path) -> botocore.session.Session:
    session = botocore.session.get_session()
    session.get_component("data_loader").search_paths[:] = [str(layer / "botocore" / "data")]
    return session


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_all_its_operations_and_shapes(service: str, pruned: botocore.session.Session) -> None:
    whole = botocore.session.get_session().get_service_model(service)
    left = pruned.get_service_model(service)
    assert list(left.operation_names) == list(whole.operation_names)
    parameters = [[parameter.name for parameter in model.client_context_parameters] for model in (whole, left)]
    assert parameters[0] == parameters[1]
    for name in whole.operation_names:
        for which in ("input_shape", "output_shape"):
            expected, found = (getattr(model.operation_model(name), which) for model in (whole, left))
            assert (expected and sorted(expected.members)) == (found and sorted(found.members)), name


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"])
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_reached_at_the_same_address(service: str, region: str, pruned: botocore.session.Session) -> None:
    made = [
        session.create_client(service, region, aws_access_key_id="x", aws_secret_access_key="x")
        for session in (botocore.session.get_session(), pruned)
    ]
    assert made[0].meta.endpoint_url == made[1].meta.endpoint_url


def test_an_object_is_written_and_read(pruned: botocore.session.Session) -> None:
    with emulated_aws():
        client: Any = pruned.create_client("s3", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        client.put_object(Bucket=BUCKET, Key="a/b.png", Body=io.BytesIO(b"image"), ContentLength=5)
        assert client.get_object(Bucket=BUCKET, Key="a/b.png")["Body"].read() == b"image"


def test_the_layer_is_small(layer: Path) -> None:
    size = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    # Of it 3.5 MB are libsodium, for the signatures of callbacks.
    assert size < 21_000_000, f"the layer has {size / 1e6:.1f} MB unzipped (Python {sys.version_info.minor})"
