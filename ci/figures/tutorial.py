"""tutorial: each scenario of scenarios/systems at its own length, and whether a reader sees what docs/TARGET_SYSTEMS.md says of it."""
from repeated import figure as repeated


def figure():
    return repeated("Each scenario of `scenarios/systems` on the service that its header starts: what its paragraph in TARGET_SYSTEMS.md says, held against the "
                    "run's report.", ["test_target_tutorial.py"], times=1, more_env={"PELT_TUTORIAL": "1", "PELT_ONCE": "1"})
