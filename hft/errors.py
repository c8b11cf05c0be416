"""Every exception that hft raises on purpose, in one tree. This module imports nothing of hft.

HftError
├── UserError           what the person at the keyboard can mend: one line, exit code 2, no traceback
│   ├── ConfigError     an option or a configuration key
│   ├── FeedError       a market-data file or its name
│   ├── JournalError    a journal file
│   ├── SegmentError    shared memory that can't be made
│   └── AttachError     shared memory that isn't there, or isn't what was expected
└── FatalError          the system can't go on; the message says which part and why
"""


class HftError(Exception):
    """Base of all."""


class UserError(HftError):
    """Something that the user got wrong, said in one line."""


class ConfigError(UserError):
    """An option or a configuration key that can't be."""


class FeedError(UserError):
    """A market-data source that can't be read."""


class JournalError(UserError):
    """A journal that can't be read."""


class SegmentError(UserError):
    """Shared memory that can't be made."""


class AttachError(UserError):
    """Shared memory that is missing or isn't what it should be."""


class FatalError(HftError):
    """A part of the system that can't go on."""
