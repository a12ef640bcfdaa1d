#!/usr/bin/env python3
"""summary.py JUNIT: what failed, and the closing line that counts. Exit 0 only if something ran and all of it passed."""

import sys
from xml.etree import ElementTree


def main(path: str) -> int:
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        print(f"lab: no test report: {path}: {error}", file=sys.stderr)
        return 1
    failed = skipped = 0
    for case in cases:
        for trouble in [*case.findall("failure"), *case.findall("error")][:1]:
            failed += 1
            text = "\n".join(filter(None, [trouble.get("message"), (trouble.text or "").strip()]))
            print(f"FAILED {case.get('name')}\n    " + text.replace("\n", "\n    "))
        skipped += case.find("skipped") is not None
    passed = len(cases) - failed - skipped
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
