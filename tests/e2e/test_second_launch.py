"""An instance's name belongs to one launch at a time."""

from tests.e2e.conftest import Start
from tests.e2e.system import FOLDED, processes, segments, until


def test_a_second_launch_is_refused_and_the_first_undisturbed(start: Start) -> None:
    """Two launches on one set of segments would destroy each other's state."""
    first = start(*FOLDED)
    control = first.running()
    run_id, run_folder = control.run_id, first.run_folder.readlink()
    names, pids = segments(first.instance), processes(first.instance)
    steps = first.status()["engine"]["steps"]

    second = start(*FOLDED, instance=first.instance)
    assert second.wait() == 2
    problem = f"instance {first.instance} is running already; choose another name with --instance"
    assert (second.out, second.err) == ("", f"hft.launch: error: {problem}\n")

    assert segments(first.instance) == names
    assert processes(first.instance) == pids
    assert first.run_folder.readlink() == run_folder
    assert len(list(first.run_folder.parent.iterdir())) == 2  # the run's folder and `latest`
    status = until(lambda: first.status(), "the status")
    assert status["run_id"] == run_id
    assert status["engine"]["steps"] > steps
    first.interrupt()
    first.assert_gone()


def test_two_instances_run_side_by_side(start: Start) -> None:
    """Another name is another system."""
    first, second = start(*FOLDED), start(*FOLDED)
    assert first.running().run_id != second.running().run_id
    first.interrupt()
    assert len(segments(first.instance)) == 0 < len(segments(second.instance))
    assert second.status()["owner"]["alive"]
    second.interrupt()
