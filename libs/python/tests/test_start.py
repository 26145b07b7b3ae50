import json
import subprocess
import sys
import unittest
from pathlib import Path

PROGRAM = Path(__file__).parent / "programs" / "late.py"


def run(requests):
    ran = subprocess.run([sys.executable, PROGRAM, str(requests)], capture_output=True, check=True, text=True)
    return json.loads(ran.stdout)


class Start(unittest.TestCase):
    def test_an_early_start_says_nothing(self):
        self.assertEqual(run(0), {"warning": None, "caught": [], "provider": True, "again": None})

    def test_requests_that_were_served_before_are_counted(self):
        for requests, said in [(1, "and 1 request was served:"), (3, "and 3 requests were served:")]:
            with self.subTest(requests):
                ran = run(requests)
                self.assertIn(said, ran["warning"])
                self.assertEqual(ran["caught"], [["LateStartWarning", ran["warning"]]])
                self.assertTrue(ran["provider"])
