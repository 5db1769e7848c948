//! Nothing to use: the tests of the whole project live in `tests/it`, one binary, because each links all of Polars.
