#!/usr/bin/env python3
"""Writes the rows of Parquet or CSV files, as data sets are published, as JSON Lines, which all commands read.

  rows_of_parquet.py FILE... > rows.jsonl

Parquet needs pyarrow (`pip install pyarrow`), CSV nothing. Rows keep their order and columns their names.
"""

import csv
import json
import sys


def rows(path):
    if path.endswith(".csv"):
        with open(path, newline="", encoding="utf-8-sig") as file:
            yield from csv.DictReader(file)
        return
    from pyarrow.parquet import ParquetFile
    for batch in ParquetFile(path).iter_batches():
        yield from batch.to_pylist()


def main(paths) -> None:
    if not paths:
        raise SystemExit(__doc__)
    for path in paths:
        for row in rows(path):
            # What JSON has no word for, such as dates, is written as its text.
            print(json.dumps(row, ensure_ascii=False, default=str))


if __name__ == "__main__":
    main(sys.argv[1:])
