"""What becomes of a transfer that failed."""

from __future__ import absolute_import, division, print_function

import unittest

from ucloud.uvideo.engine.keep_or_abort import FREE, RECORD, RESUME, keep_or_abort
from ucloud.uvideo.http.pool import TransportClosed
from ucloud.uvideo.protocol import errors

#: What becomes of an upload that met such an error.
EXPECTED = {
    RESUME: (
        KeyboardInterrupt,
        ZeroDivisionError,
        errors.NoAnswer,
        errors.ConfigurationError,
        errors.Cancelled,
        errors.DeadlineExceeded,
        errors.BadAnswer,
        errors.Throttled,
        errors.Unavailable,
        errors.InternalError,
    ),
    RECORD: (errors.LocalFailure, TransportClosed),
    FREE: (
        errors.SourceChanged,
        errors.IntegrityError,
        errors.ObjectChanged,
        errors.InvalidArgument,
        errors.AccessDenied,
        errors.SignatureMismatch,
        errors.SpaceNotFound,
        errors.UploadNotFound,
        errors.PartExists,
    ),
}


class OutcomeTest(unittest.TestCase):
    def test_every_error_has_one(self):
        for expected, kinds in EXPECTED.items():
            for kind in kinds:
                self.assertEqual(expected, keep_or_abort(kind()), kind.__name__)

    def test_what_may_be_repeated_can_be_resumed(self):
        self.assertEqual(RESUME, keep_or_abort(errors.Refused(retryable=True)))
        self.assertEqual(RESUME, keep_or_abort(errors.BadAnswer(retryable=False)))
