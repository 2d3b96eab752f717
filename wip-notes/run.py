import sys, time

sys.path[:0] = ["/work/main", "/work/main/integration-tests"]
from types import SimpleNamespace
from rich.console import Console
from benchmarks import kernels, report

q = sys.argv[1] == "quick"
t = time.time()
f = list(kernels.findings(SimpleNamespace(runs=3 if q else 9, quick=q)))
Console(width=200).print(report.table(f))
print(time.time() - t, "s")
