"""Runs jobs in parts on a Slurm of two nodes on this machine, kills one of the nodes, and holds the results to those of
undivided runs.

    python3 Tests/Cluster/check_cluster.py BINARY CLIP

The daemons are those of Debian's packages, without munge. They belong to the user who runs this, end with it, and
listen on 127.0.0.1 alone. They check nobody's identity: while they run, whoever has an account on this machine can
run programs as that user.
"""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from jobs import ROOT, TINY, Difference, compare, run

ARRAY = ROOT / "Packaging/slurm/vitvideo-array.sh"
# Of one wait; all of this takes a few minutes.
PATIENCE_SECONDS = 240
OUTPUTS = ["out.mp4", "maps.npz", "statistics.csv"]

CONFIGURATION = """
ClusterName=vitvideo
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
# Nothing is checked, so that nothing may listen to other machines.
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={ports[0]}
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool.%n
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.%n.pid
SlurmctldLogFile={directory}/slurmctld.log
SlurmdLogFile={directory}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
# What may start does so at once.
SchedulerParameters=sched_interval=1,bf_interval=1
# Each node has one core, whatever the machine has.
SlurmdParameters=config_overrides
NodeName=one NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1
NodeName=two NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1
PartitionName=all Nodes=one,two Default=YES MaxTime=INFINITE State=UP
"""


class Failure(Exception):
    """The cluster did not do what it should."""


def tell(text):
    print(f"{time.monotonic() - START:6.1f} s  {text}", flush=True)


def wait_for(what, condition):
    """The first true value of a condition."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.2)
    raise Failure(f"{PATIENCE_SECONDS} s went by without {what}")


def processes():
    """Number and environment of every process that may be read."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                yield int(entry.name), (entry / "environ").read_bytes().split(b"\0")


def parent(process):
    """The number and the name of a process's parent."""
    number = int((pathlib.Path("/proc") / str(process) / "stat").read_text().rsplit(")", 1)[1].split()[1])
    return number, (pathlib.Path("/proc") / str(number) / "comm").read_text().strip()


def kill(numbers):
    for number in numbers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


class Cluster:
    """A slurmctld and two slurmd, `one` and `two`."""

    def __init__(self, directory):
        self.directory = directory
        self.log = (directory / "daemons.log").open("w")
        self.daemons = {}
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
            for each in sockets:
                each.bind(("127.0.0.1", 0))
            ports = [each.getsockname()[1] for each in sockets]
        configuration = directory / "slurm.conf"
        configuration.write_text(CONFIGURATION.format(
            user=pwd.getpwuid(os.geteuid()).pw_name, directory=directory, ports=ports, host=socket.gethostname()))
        for name in ("state", "spool.one", "spool.two"):
            (directory / name).mkdir()
        # What another Slurm has said to the process that started this would be heard by the commands.
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH_"))
        } | {"SLURM_CONF": str(configuration), "VITVIDEO": str(BINARY)}

    def start(self):
        self.start_daemon("slurmctld", "slurmctld", "-D")
        for node in ("one", "two"):
            self.start_daemon(node, "slurmd", "-D", "-N", node)
        for node in ("one", "two"):
            self.wait_for_node(node, "idle")

    def wait_for_node(self, node, state):
        wait_for(
            f"node {node} being {state}",
            lambda: self.command("sinfo", "-h", "-n", node, "-o", "%T", lenient=True).strip() == state)

    def start_daemon(self, name, *words):
        # Debian has the daemons where only root's PATH leads.
        program = shutil.which(words[0], path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if program is None:
            raise Failure(f"there is no {words[0]}")
        self.daemons[name] = subprocess.Popen(
            [program, *words[1:]], env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True)

    def stop(self):
        for daemon in self.daemons.values():
            daemon.kill()
            daemon.wait()
        mine = f"SLURM_CONF={self.directory}/slurm.conf".encode()
        # Until none is left: one may have started another.
        while numbers := [number for number, environment in processes() if mine in environment]:
            kill(numbers)
            time.sleep(0.1)
        self.log.close()

    def command(self, *words, lenient=False):
        """What one of Slurm's commands says; lenient: nothing where it fails."""
        try:
            return run(words, env=self.environment)
        except RuntimeError:
            if lenient:
                return ""
            raise

    def tasks(self, job):
        """The records of a job, by the numbers of its tasks; a job without tasks has the number 0."""
        records = {}
        for line in self.command("scontrol", "show", "job", "-o", job).splitlines():
            fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
            # Those that wait are one record together: ArrayTaskId=3-4.
            number = fields.get("ArrayTaskId", "0")
            if number.isdigit():
                records[int(number)] = fields
        return records

    def kill_node(self, node):
        """Kills a node's daemon and all that it has started, at once, as a loss of power would."""
        mine = {f"SLURM_CONF={self.directory}/slurm.conf".encode(), f"SLURMD_NODENAME={node}".encode()}
        jobs = [number for number, environment in processes() if mine <= set(environment)]
        if not jobs:
            raise Failure(f"node {node} computes nothing")
        parents = [parent(number) for number in jobs]
        # The steps' own processes before the jobs, whose end they would report.
        steps = [number for number, name in parents if name == "slurmstepd"]
        daemon = self.daemons.pop(node)
        kill([daemon.pid, *steps, *jobs])
        daemon.wait()
        tell(f"node {node} killed: slurmd, {len(steps)} slurmstepd, {len(jobs)} processes of its task")

    def submit(self, directory, options, arguments):
        """Submits a job with the script and returns the numbers of its arrays and of the join."""
        text = run([ARRAY, *options, "--", *arguments], cwd=directory, env=self.environment)
        jobs = {"array": [], "join": []}
        for line in text.splitlines():
            tell(f"  {line}")
            kind, number = line.split()[:2]
            jobs[kind].append(number.rstrip(":"))
        (join,) = jobs["join"]
        return jobs["array"], join

    def wait_for_end(self, job, *codes):
        """Waits until all tasks of a job have ended, and sees that these are their exit codes, in some order."""
        def ended():
            tasks = self.tasks(job).values()
            states = {fields["JobState"] for fields in tasks}
            if len(tasks) == len(codes) and states <= {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"}:
                return [f"{fields['JobState']} {fields['ExitCode']}" for fields in tasks]

        expected = [f"{'FAILED' if code else 'COMPLETED'} {code}:0" for code in codes]
        found = wait_for(f"the end of job {job}", ended)
        if sorted(found) != sorted(expected):
            raise Failure(f"job {job} ended with {found}")


def segments(directory):
    """The finished segments by their numbers, and what shows that a file is still the same."""
    found = {}
    for path in (directory / "out.mp4.resume").glob("segment-[0-9]*"):
        number = path.name.removeprefix("segment-")
        if number.isdigit():
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found[int(number)] = (status.st_ino, status.st_mtime_ns)
    return found


def compare_with_whole(cluster, directory, arguments, outputs):
    whole = directory / "whole"
    whole.mkdir()
    run([BINARY, *arguments, "--resume"], cwd=whole, env=cluster.environment)
    tell("the undivided run is there")
    count = compare(directory, whole, outputs)
    same = (directory / "out.mp4").read_bytes() == (whole / "out.mp4").read_bytes()
    tell(f"{', '.join(outputs)}: {count} frames and packets of sound the same, numbers equal to the byte; "
         f"the video's file {'is equal to the byte too' if same else 'differs in its bytes'}")
    if list(directory.glob("*.resume")):
        raise Difference("the join has left its segments")


def lose_a_node(cluster, film, directory):
    """An array over both nodes, one of them killed in the middle; its task is queued again, and the join follows."""
    (parts, share) = (4, 6)
    arguments = [
        film, "-o", "out.mp4", "--export", "maps.npz", "--stats", "statistics.csv", "--resolution", "112",
        "--preset", "veryfast", "--segment-frames", str(FRAMES // parts // share),
    ]
    (array,), join = cluster.submit(directory, ["--parts", str(parts), "--cpus-per-task=1"], arguments)
    # So that the segments can be looked at when all are there.
    cluster.command("scontrol", "hold", join)

    def middle():
        running = {
            number: fields["NodeList"] for number, fields in cluster.tasks(array).items()
            if fields["JobState"] == "RUNNING"
        }
        if sorted(running.values()) != ["one", "two"]:
            return None
        (task,) = (number for number, node in running.items() if node == "two")
        there = segments(directory)
        mine = {number: there[number] for number in range((task - 1) * share, task * share) if number in there}
        return (task, mine) if len(mine) >= 2 else None

    task, before = wait_for("both nodes at work", middle)
    tell(f"task {task} on node two has finished {len(before)} of {share} segments")
    cluster.kill_node("two")
    there = segments(directory)
    before = {number: there[number] for number in range((task - 1) * share, task * share) if number in there}
    if len(before) == share:
        raise Failure("the task had all its segments when its node was killed; the film is too short")

    cluster.command("scontrol", "update", "nodename=two", "state=down", "reason=killed")
    requeued = wait_for(
        "a queued task", lambda: [
            fields for number, fields in cluster.tasks(array).items()
            if number == task and fields["JobState"] == "PENDING" and fields["Restarts"] == "1"
        ])
    tell(f"task {task} is queued again, to begin at {requeued[0]['StartTime']}")
    # Slurm waits two minutes before it tries again; this ends the wait.
    cluster.command("scontrol", "update", f"jobid={array}_{task}", "starttime=now")
    cluster.wait_for_end(array, *[0] * parts)
    tell("all tasks have ended well")

    after = segments(directory)
    if missing := set(range(parts * share)) - set(after):
        raise Difference(f"the segments {sorted(missing)} are missing")
    again = [number for number, identity in before.items() if after[number] != identity]
    if again:
        raise Difference(f"segments {again} were computed again")
    nodes = {number: fields["NodeList"] for number, fields in cluster.tasks(array).items()}
    if nodes[task] != "one" or len(set(cluster.tasks(array))) != parts:
        raise Failure(f"the tasks ended on {nodes}")
    if cluster.tasks(join)[0]["JobState"] != "PENDING" or (directory / "out.mp4").exists():
        raise Failure("the join has not waited")
    cluster.command("scontrol", "release", join)
    cluster.wait_for_end(join, 0)
    tell("joined")
    compare_with_whole(cluster, directory, arguments, OUTPUTS)
    bring_back(cluster)


def bring_back(cluster):
    cluster.start_daemon("two", "slurmd", "-D", "-N", "two")
    cluster.wait_for_node("two", "down")
    cluster.command("scontrol", "update", "nodename=two", "state=resume")
    cluster.wait_for_node("two", "idle")


def running_scale(cluster, film, directory):
    """Parts of so many seconds, measured by a short run, twice: a scale that follows the frames needs all maps."""
    arguments = [
        film, "-o", "out.mp4", "--export", "maps.npz", "--view", "heatmap", "--scale", "smooth", "--resolution",
        "112", "--preset", "veryfast", "--segment-frames", "11", "--frames", ":132",
    ]
    options = ["--minutes", "0.1", "--measure", "4", "--cpus-per-task=1", "--output=slurm-%j.out"]
    arrays, join = cluster.submit(directory, options, arguments)
    if len(arrays) != 2:
        raise Failure(f"a running scale was given {len(arrays)} passes over the parts")
    cluster.wait_for_end(join, 0)
    tell("joined")
    compare_with_whole(cluster, directory, arguments, OUTPUTS[:2])


def many_videos(cluster, film, directory):
    """A batch in parts: a damaged video fails its part, and the others are joined."""
    videos = directory / "videos"
    videos.mkdir()
    for name, frames in (("first", 12), ("long", 100), ("third", 20)):
        run([
            "ffmpeg", "-v", "error", "-i", film, "-t", str(frames / 25), "-preset", "ultrafast", videos / f"{name}.mp4",
        ])
    (videos / "damaged.mp4").write_text("no video")
    settings = [*TINY, "--resolution", "28", "--preset", "ultrafast", "--segment-frames", "8"]
    (array,), join = cluster.submit(directory, ["--parts", "2"], ["batch", "videos", "-o", "out", *settings])
    cluster.wait_for_end(join, 65)
    cluster.wait_for_end(array, 0, 65)
    whole = directory / "whole"
    whole.mkdir()
    names = ["first.mp4", "long.mp4", "third.mp4"]
    for name in names:
        run([BINARY, videos / name, "-o", whole / name, "--resume", *settings], env=cluster.environment)
    found = sorted(path.name for path in (directory / "out").glob("*.mp4*"))
    if found != names:
        raise Difference(f"the batch has left {found}")
    count = compare(directory / "out", whole, names)
    tell(f"joined: {count} frames and packets of sound of {len(names)} videos the same")


# Of the clip, twice.
FRAMES = 264


def main():
    with tempfile.TemporaryDirectory(prefix="vitvideo-cluster-") as name:
        directory = pathlib.Path(name)
        film = directory / "long.mp4"
        run(["ffmpeg", "-v", "error", "-stream_loop", "1", "-i", CLIP, "-c", "copy", film])
        cluster = Cluster(directory)
        try:
            cluster.start()
            tell("slurmctld and two slurmd are up")
            for scenario in (lose_a_node, running_scale, many_videos):
                tell(scenario.__doc__.split(":")[0].split(";")[0].rstrip("."))
                place = directory / scenario.__name__
                place.mkdir()
                scenario(cluster, film, place)
            tell("all as it should be")
        except (Failure, Difference, RuntimeError, OSError) as error:
            for log in sorted(directory.glob("*/slurm-*.out")) + [directory / "slurmctld.log"]:
                with contextlib.suppress(OSError):
                    lines = log.read_text().splitlines()[-20:]
                    print(f"--- {log.name}", *lines, sep="\n", file=sys.stderr)
            print(f"check_cluster: {error}", file=sys.stderr)
            return 1
        finally:
            cluster.stop()
    return 0


if __name__ == "__main__":
    START = time.monotonic()
    BINARY, CLIP = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    # So that the daemons end however this is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
