"""The draw and the score of `run_mutants.py`; the run itself is a program (in `make sim`)."""

from tests.mutation.run_mutants import drawn, score, statuses


def test_a_seed_draws_the_same_mutants_whatever_their_order() -> None:
    names = [f"m{number}" for number in range(50)]
    assert drawn(names, 10, 1) == drawn(reversed(names), 10, 1)
    assert drawn(names, 10, 1) != drawn(names, 10, 2)
    assert sorted(drawn(names, 90, 1)) == sorted(names)


def test_the_score_counts_what_was_noticed() -> None:
    found = statuses("    a.x_f__mutmut_1: killed\n    a.x_f__mutmut_2: survived\n⠸ Listing all tests\n")
    assert found == {"a.x_f__mutmut_1": "killed", "a.x_f__mutmut_2": "survived"}
    assert score(found) == 50
    assert score({"a": "timeout", "b": "no tests", "c": "killed", "d": "suspicious"}) == 50
