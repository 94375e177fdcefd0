"""The judge finds each lie, and accuses no honest history."""

import unittest

from history import Counted, Death, Did, History, Saw, Trouble, violations

GAVE = ("access:1", "refresh:1")


def judged(*events):
    return violations(History(list(events)))


class Honest(unittest.TestCase):
    def test_a_redemption_that_was_answered_and_kept(self):
        self.assertEqual(
            judged(
                Did("redeem", "code", "granted", GAVE),
                Death(),
                Counted("redeem", 2, 2),
                Saw("access:1", "alive"),
                Did("refresh", "refresh:1", "granted", ("access:2", "refresh:2")),
                Did("redeem", "code", "refused", ends=("access:1", "access:2", "refresh:2")),
                Saw("access:2", "dead"),
                Did("refresh", "refresh:2", "refused"),
            ),
            [],
        )

    def test_a_redemption_without_an_answer_may_have_happened_or_not(self):
        for parts, answer in ((0, "granted"), (2, "refused")):
            events = (Did("redeem", "code", "none"), Death(), Counted("redeem", parts, 2), Did("redeem", "code", answer))
            self.assertEqual(judged(*events), [])

    def test_a_refresh_that_was_not_heard_of_is_given_again(self):
        for parts in (0, 1):
            again = Did("refresh", "refresh:1", "granted", ("access:2", "refresh:2"))
            self.assertEqual(judged(Did("refresh", "refresh:1", "none"), Death(), Counted("refresh", parts, 1), again), [])

    def test_a_revocation_without_an_answer_may_have_happened_or_not(self):
        for state in ("alive", "dead"):
            self.assertEqual(judged(Did("redeem", "code", "granted", GAVE), Did("revoke", "refresh:1", "none", ends=GAVE), Death(), Saw("access:1", state)), [])

    def test_a_lost_answer_is_given_again_as_it_was(self):
        again = Did("refresh", "refresh:1", "granted", ("access:3", "refresh:2"))
        self.assertEqual(judged(Did("refresh", "refresh:1", "granted", ("access:2", "refresh:2")), Death(), again), [])


class Lies(unittest.TestCase):
    def found(self, *events):
        found = judged(*events)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_a_redemption_in_two_steps_grants_twice(self):
        # The tokens are answered, the kill comes before the code is marked.
        twice = (Did("redeem", "code", "granted"), Death(), Did("redeem", "code", "granted"))
        self.assertIn("granted 2 times, before the death and after it", self.found(*twice))

    def test_a_code_that_one_life_of_the_server_grants_twice(self):
        twice = (Death(), Did("redeem", "code", "granted"), Did("redeem", "code", "granted"))
        self.assertNotIn("before the death", self.found(*twice))

    def test_a_consent_form_that_works_twice(self):
        self.assertIn("granted 2 times", self.found(Did("approve", "form", "granted"), Death(), Did("approve", "form", "granted")))

    def test_an_acknowledged_token_that_is_lost(self):
        self.assertIn("is lost", self.found(Did("redeem", "code", "granted", GAVE), Death(), Saw("access:1", "dead")))

    def test_an_acknowledged_refresh_token_that_is_refused(self):
        lost = (Did("redeem", "code", "granted", GAVE), Death(), Did("refresh", "refresh:1", "refused"))
        self.assertIn("is refused", self.found(*lost))

    def test_a_family_that_is_a_tree(self):
        first = Did("refresh", "refresh:1", "granted", ("refresh:2",))
        self.assertIn("2 successors", self.found(first, Death(), Did("refresh", "refresh:1", "granted", ("refresh:9",))))

    def test_a_revocation_that_is_forgotten(self):
        revoked = Did("revoke", "refresh:1", "granted", ends=GAVE)
        self.assertIn("and lives", self.found(revoked, Death(), Saw("access:1", "alive")))
        self.assertIn("is granted", self.found(revoked, Death(), Did("refresh", "refresh:1", "granted")))

    def test_something_dead_that_comes_back(self):
        self.assertIn("and lives", self.found(Saw("access:1", "dead"), Saw("access:1", "alive")))

    def test_half_a_unit(self):
        self.assertIn("1 of 2 parts", self.found(Did("accept", "terms", "none"), Death(), Counted("accept", 1, 2)))

    def test_an_acknowledged_unit_of_which_nothing_is_there(self):
        self.assertIn("nothing of it", self.found(Did("accept", "terms", "granted"), Death(), Counted("accept", 0, 2)))

    def test_a_redemption_that_was_stored_and_not_heard_of_is_granted_once_more(self):
        # The client has one answer. The database has two redemptions.
        twice = (Did("redeem", "code", "none"), Death(), Counted("redeem", 2, 2), Did("redeem", "code", "granted"))
        self.assertIn("once more", self.found(*twice))

    def test_a_code_that_is_lost_although_nothing_came_of_it(self):
        lost = (Did("redeem", "code", "none"), Death(), Counted("redeem", 0, 2), Did("redeem", "code", "refused"))
        self.assertIn("and it is refused", self.found(*lost))

    def test_trouble_is_a_violation_by_itself(self):
        self.assertEqual(self.found(Trouble("integrity_check: row 3 missing")), "integrity_check: row 3 missing")


if __name__ == "__main__":
    unittest.main()
