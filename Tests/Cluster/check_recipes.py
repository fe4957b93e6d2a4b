"""Holds the recipes of Packaging to the forms they are written in, and runs the commands they hold.

    Tests/Cluster/.venv/bin/python Tests/Cluster/check_recipes.py BINARY CLIP

AWS's and Kubernetes' files are checked against the services' own schemas. Every command is run as often as the
service would run it, with the service's variables, and what it writes is held to that of one undivided run.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import botocore.session
import botocore.validate
import kubernetes_validate
import yaml

from jobs import ROOT, TINY, compare, run

BINARY, CLIP = None, None
PACKAGING = ROOT / "Packaging"
# So small segments that each of 16 parts has one.
SMALL = TINY + ["--resolution", "28", "--preset", "ultrafast", "--segment-frames", "8"]
OUTPUTS = ["out.mp4", "maps.npz"]


def without_services(**variables):
    """The environment without what a batch system would have said, and with these variables."""
    services = ("SLURM_", "AWS_BATCH_", "JOB_COMPLETION_INDEX")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(services)}
    return kept | {"PATH": f"{BINARY.parent}:{os.environ['PATH']}"} | variables


class RecipeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="vitvideo-recipes-")
        cls.addClassCleanup(cls.directory.cleanup)
        cls.whole = pathlib.Path(cls.directory.name) / "whole"
        cls.whole.mkdir()
        run(
            [BINARY, CLIP, "-o", "out.mp4", "--export", "maps.npz", "--resume", *SMALL],
            cwd=cls.whole, env=without_services())

    def fresh(self, name):
        """A directory with the film under the name that the recipes have for it."""
        directory = pathlib.Path(self.directory.name) / name
        directory.mkdir()
        (directory / "long.mp4").symlink_to(CLIP)
        return directory

    def run_parts(self, directory, command, variables):
        """Runs a part under each of these environments, the last first, and sees that nothing is joined by it."""
        words = [word.replace("/data", str(directory)) for word in command]
        for environment in reversed(variables):
            run(words + SMALL, env=without_services(**environment))
        self.assertEqual([name for name in OUTPUTS if (directory / name).exists()], [])

    def run_join(self, directory, command):
        """Joins the parts, which are all there, and holds the result to the undivided run's."""
        words = [word.replace("/data", str(directory)) for word in command]
        run(words + ["--join-only"] + SMALL, env=without_services())
        self.assertGreater(compare(directory, self.whole, OUTPUTS), 132)

    # Scripts

    def test_shellcheck_has_nothing_to_say(self):
        for script in ("slurm/vitvideo-array.sh", "parallel/vitvideo-parallel.sh"):
            run(["shellcheck", PACKAGING / script])

    def test_gnu_parallel(self):
        directory = self.fresh("by 'parallel'; $HOME {}")
        run(
            [
                PACKAGING / "parallel/vitvideo-parallel.sh", "3", "--jobs", "2", "--", directory / "long.mp4",
                "-o", directory / "out.mp4", "--export", directory / "maps.npz", *SMALL,
            ], env=without_services())
        self.assertGreater(compare(directory, self.whole, OUTPUTS), 132)

    def test_gnu_parallel_joins_nothing_where_a_part_fails(self):
        directory = self.fresh("failing")
        done = subprocess.run(
            [
                PACKAGING / "parallel/vitvideo-parallel.sh", "2", "--retries", "1", "--", directory / "none.mp4",
                "-o", directory / "out.mp4", *SMALL,
            ], env=without_services(), capture_output=True, text=True)
        # Parallel's exit code is the number of parts that failed.
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("none.mp4", done.stderr)

    # AWS Batch

    def aws(self, operation, name):
        """The parameters of a call, which have the form that the service wants."""
        parameters = json.loads((PACKAGING / "aws-batch" / name).read_text())
        model = botocore.session.get_session().get_service_model("batch").operation_model(operation)
        report = botocore.validate.ParamValidator().validate(parameters, model.input_shape)
        self.assertFalse(report.has_errors(), report.generate_report())
        return parameters

    def test_aws_batch(self):
        definition = self.aws("RegisterJobDefinition", "job-definition.json")
        array = self.aws("SubmitJob", "array.json")
        join = self.aws("SubmitJob", "join.json")
        for job in (array, join):
            self.assertEqual(job["jobDefinition"], definition["jobDefinitionName"])

        def words(command):
            values = definition["parameters"]
            return [values[word[5:]] if word.startswith("Ref::") else word for word in command]

        directory = self.fresh("aws")
        size = array["arrayProperties"]["size"]
        self.run_parts(
            directory, words(definition["containerProperties"]["command"]), [
                {"AWS_BATCH_JOB_ARRAY_INDEX": str(index), "AWS_BATCH_JOB_ARRAY_SIZE": str(size)}
                for index in range(size)
            ])
        self.run_join(directory, words(join["containerOverrides"]["command"]))

    # Kubernetes

    def kubernetes(self, name):
        """A job's specification, and the words of its container."""
        job = yaml.safe_load((PACKAGING / "kubernetes" / name).read_text())
        kubernetes_validate.validate(job, "1.31", strict=True)
        (container,) = job["spec"]["template"]["spec"]["containers"]
        return job["spec"], container["command"] + container["args"]

    def test_kubernetes(self):
        parts, command = self.kubernetes("parts.yaml")
        directory = self.fresh("kubernetes")
        self.assertEqual(parts["completionMode"], "Indexed")
        self.run_parts(
            directory, command,
            [{"JOB_COMPLETION_INDEX": str(index)} for index in range(parts["completions"])])
        self.run_join(directory, self.kubernetes("join.yaml")[1])

    def test_the_schemas_refuse_what_is_wrong(self):
        job = yaml.safe_load((PACKAGING / "kubernetes/parts.yaml").read_text())
        job["spec"]["complections"] = job["spec"].pop("completions")
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(job, "1.31", strict=True)


if __name__ == "__main__":
    BINARY, CLIP = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
