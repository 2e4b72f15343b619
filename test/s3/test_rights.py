"""Each operation of S3 has a row in each table of rights: none is allowed because it was forgotten."""

from __future__ import annotations

import pytest

from uvideo.s3 import operation
from uvideo.server.auth.signature_scope import S3_MAY, S3Carrier
from uvideo.server.http.s3_call import S3Call
from uvideo.server.ops.audit import S3_CHANGES, S3_DETAILS, S3_FREES
from uvideo.server.rules.s3_access import LISTS, WRITES
from uvideo.server.rules.token_rights import S3_NEEDED

#: Only for the account's own keys.
CONFIGURATION = {
    *(operation.CreateBucket, operation.DeleteBucket, operation.OptionsObject),
    *(operation.GetBucketVersioning, operation.PutBucketVersioning, operation.GetBucketAcl, operation.PutBucketAcl),
    *(operation.GetBucketCors, operation.PutBucketCors, operation.DeleteBucketCors),
    *(operation.GetBucketTagging, operation.PutBucketTagging, operation.DeleteBucketTagging),
    *(operation.GetBucketLifecycleConfiguration, operation.PutBucketLifecycleConfiguration),
    *(operation.DeleteBucketLifecycle, operation.GetBucketPolicyStatus, operation.PutBucketRequestPayment),
}


@pytest.mark.parametrize("cls", operation.OPERATIONS, ids=lambda cls: cls.__name__)
def test_an_operation_is_for_tokens_or_for_the_account_alone(cls: type) -> None:
    assert (cls in S3_NEEDED) != (cls in CONFIGURATION)


@pytest.mark.parametrize("cls", operation.OPERATIONS, ids=lambda cls: cls.__name__)
def test_an_operation_that_changes_something_is_in_the_audit_log(cls: type) -> None:
    reads = ("Get", "Head", "List", "UploadPart", "Options")
    assert (cls in S3_CHANGES) != (cls in S3_DETAILS) and (cls in S3_DETAILS) == cls.__name__.startswith(reads)
    assert S3_FREES <= S3_CHANGES


def test_without_a_signature_everybody_may_what_an_acl_says_and_nothing_else() -> None:
    open_to_all = {cls for cls, carriers in S3_MAY.items() if S3Carrier.NOBODY in carriers}
    assert open_to_all == {operation.GetObject, operation.HeadObject, *LISTS, *WRITES}
    copies = {operation.CopyObject, operation.UploadPartCopy}  # they would read what the account may read
    assert not open_to_all & copies and not open_to_all & CONFIGURATION
    assert set(operation.OPERATIONS) <= set(S3_MAY)


def test_what_is_stored_needs_room() -> None:
    assert S3Call.traits.bulk <= S3Call.traits.storing <= set(operation.OPERATIONS)
