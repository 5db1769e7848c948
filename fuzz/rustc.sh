#!/bin/sh
# Stands before rustc in fuzz builds: coverage is recorded in our crates and in the parsers they rest on, and nowhere else.
# With all of Polars instrumented, a build takes hours and every execution scans millions of counters.
name=
before=
for arg; do
  [ "$before" = --crate-name ] && name=$arg
  before=$arg
done
case $name in
  forewarn* | polars_parquet | polars_json | toml | toml_parser | winnow | serde_json | config | csv | ndjson | parquet | \
    packed | sniff | cells | columns | model | history | saved) exec "$@" ;;
esac
for arg; do
  shift
  case $arg in
    -Cpasses=sancov-module | -Cllvm-args=-sanitizer-* | -Ccodegen-units=1) ;;
    *) set -- "$@" "$arg" ;;
  esac
done
exec "$@"
