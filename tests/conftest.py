"""For all tests: one thread each, so that several test processes do not fight over the cores."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("TRIPTYCH_TRACKING", "off")  # tests of tracking turn it on
