"""Looks for known vulnerabilities of what constraints.txt names; exit code 1 where there are some.

Where nobody can be asked, or nothing is known of a dependency, that is said and is no failure: not every
package index has this.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
TIMEOUT_S = 120


def main() -> int:
    """Ask pip-audit, and say in a line or two what it has found."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "-r",
        str(CONSTRAINTS),
        "--no-deps",
        "--disable-pip",
        "-f",
        "json",
    ]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        found = json.loads(asked.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        print(f"    nobody answered in {TIMEOUT_S} s: nothing was looked up")
        return 0
    except (ValueError, KeyError):
        print(f"    nothing was looked up: {asked.stderr.strip().splitlines()[-1:]}")
        return 0
    unknown = [each["name"] for each in found if "skip_reason" in each]
    if unknown:
        print(f"    nothing is known of {len(unknown)} of {len(found)} dependencies: {unknown[0]} …")
    wrong = [each for each in found if each.get("vulns")]
    for each in wrong:
        fixed = ", ".join(
            f"{v['id']} (fixed in {', '.join(v['fix_versions']) or 'nothing yet'})" for v in each["vulns"]
        )
        print(f"    {each['name']} {each['version']}: {fixed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
