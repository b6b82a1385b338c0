"""Links: the same within a window, and others with other credentials."""

from botocore.credentials import Credentials as AwsCredentials
from botocore.session import get_session

from darkroom.images.links import LinkSigner
from tests.integration.emulated_aws import BUCKET


def test_a_link_is_the_same_within_its_window_and_outlives_half_its_life() -> None:
    signer = LinkSigner.from_session(get_session(), BUCKET, "us-east-1", link_seconds=3600)
    start = 1_780_000_200_000
    one, two = signer.sign("tasks/o/t/ä 0.png", start), signer.sign("tasks/o/t/ä 0.png", start + 1_000_000)
    assert one == two
    assert one.url.startswith(f"https://{BUCKET}.s3.us-east-1.amazonaws.com/tasks/o/t/%C3%A4%200.png?X-Amz-")
    assert one.expires_at - start / 1000 >= 1800
    assert signer.sign("tasks/o/t/0.png", start + 1_900_000).expires_at > one.expires_at


def test_other_credentials_give_another_link_at_once() -> None:
    credentials = AwsCredentials("AKIAFIRST", "secret")
    signer = LinkSigner(credentials, BUCKET, "us-east-1", link_seconds=3600)
    before = signer.sign("tasks/o/t/0.png", 1_780_000_200_000)
    credentials.access_key = "AKIAROTATED"
    assert signer.sign("tasks/o/t/0.png", 1_780_000_200_000).url != before.url
