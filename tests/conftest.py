"""For all tests: one thread each, so that several test processes do not fight over the cores; what a test draws."""

import contextlib
import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("TRIPTYCH_TRACKING", "off")  # tests of tracking turn it on

import pytest

from scripts import Scripts


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """Tests that share what takes seconds to make run in one process, which makes it once."""
    for item in items:
        made = [found[-1] for found in item._fixtureinfo.name2fixturedefs.values() if found[-1].baseid]
        shared = [f.argname for f in made if f.argname in ("scripts", "fresh")]
        shared += [f.baseid for f in made if f.scope == "module"]
        if shared and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(shared[0].replace("/", ".")))


@pytest.fixture(scope="session")
def scripts(tmp_path_factory):
    """`scripts.run("stages/probe.py", "dcgan", cwd=project)`."""
    scripts = Scripts(tmp_path_factory.mktemp("scripts"))
    yield scripts
    scripts.close()


@pytest.fixture
def panels(monkeypatch):
    """The `Panel`s of all sheets of pictures that the test draws, in their order."""
    from triptych.draw import sheets

    drawn, block = [], sheets._block
    monkeypatch.setattr(sheets, "_block", lambda panel, *rest: drawn.append(panel) or block(panel, *rest))
    return drawn


@pytest.fixture
def charts(monkeypatch):
    """The matplotlib figures that the test draws."""
    from triptych.draw import style

    drawn, to_png = [], style.to_png
    monkeypatch.setattr(style, "to_png", lambda figure, *rest: drawn.append(figure) or to_png(figure, *rest))
    return drawn


@pytest.fixture
def killed(monkeypatch):
    """`with killed(at=14): train(…)`: a training that saves after every step and is killed before this one."""
    from triptych.engine import Replica

    monkeypatch.setenv("TRIPTYCH_CHECKPOINT_SECONDS", "0")

    @contextlib.contextmanager
    def kill(at):
        def until(self, steps, total):
            for step in steps:
                if step == at:
                    raise KeyboardInterrupt
                yield step

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Replica, "progress", until)
            yield

    return kill
