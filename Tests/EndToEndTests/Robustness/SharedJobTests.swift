import Base
import Fixtures
import Foundation
import Testing

extension Robustness {
    /// Jobs that are shared out among runs, some of which are killed, started twice, without locks, with a clock that is
    /// off or with other settings: the result is that of one run.
    ///
    /// A sanitizer's library has to be the first one that is loaded.
    @Suite(.enabled(if: Sanitizer.active == nil)) struct SharedJobs {
        private static let frames = 80
        private static let shares = 3

        private enum Harm: String, CaseIterable {
            case killed, killedBeforeRenaming, killedAfterRenaming, startedTwice, damaged, otherSettings
            case withoutLocks, clockAhead, clockBehind
        }

        /// Takes the place of system calls, as environment variables say.
        private static let calls = """
            #include <dlfcn.h>
            #include <signal.h>
            #include <stdlib.h>
            #include <time.h>
            #include <unistd.h>
            static int number(const char *name) { const char *text = getenv(name); return text ? atoi(text) : 0; }
            int flock(int f, int o) {
                if (number("HARM_LOCKS")) { errno = ENOLCK; return -1; }
                return ((int (*)(int, int))dlsym(RTLD_NEXT, "flock"))(f, o);
            }
            time_t time(time_t *out) {
                struct timespec now;
                clock_gettime(CLOCK_REALTIME, &now);
                if (out) *out = now.tv_sec;
                return now.tv_sec;
            }
            int clock_gettime(clockid_t id, struct timespec *now) {
                int code = ((int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime"))(id, now);
                if (id == CLOCK_REALTIME) now->tv_sec += number("HARM_CLOCK");
                return code;
            }
            static int renames;
            int rename(const char *from, const char *to) {
                int which = ++renames;
                if (which == number("HARM_BEFORE")) kill(getpid(), SIGKILL);
                int code = ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename"))(from, to);
                if (which == number("HARM_AFTER")) kill(getpid(), SIGKILL);
                return code;
            }
            """

        @Test func atRandomMoments() throws {
            let workspace = try Workspace()
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25", "-f", "lavfi", "-i",
                "sine=duration=3.2", "-frames:v", String(Self.frames), "-c:v", "libx264", "-g", "12", "-c:a",
                "aac", "in.mp4")
            let job = ResumableRun(
                workspace: workspace, input: "in.mp4", outputs: ["mp4", "npz", "csv"],
                options: ["--view", "heatmap", "--resolution", "28"])
            let library = try workspace.library(Self.calls)
            #expect(try job.finish("whole") == Self.frames)
            for seed in RobustnessTable.choose(Array(1...60), short: 5) {
                var random = SplitMix64(seed: UInt64(seed))
                tryCase("faults: parts of a job") {
                    for _ in 0..<Int.random(in: 2...4, using: &random) {
                        let harm = Harm.allCases.randomElement(using: &random)!
                        let share = Int.random(in: 1...Self.shares, using: &random)
                        if let fault = try Self.do(harm, share, of: job, library, &random) {
                            return "seed \(seed), \(harm), share \(share): \(fault)"
                        }
                    }
                    for share in (1...Self.shares).shuffled(using: &random) {
                        let outcome = try workspace.run(
                            job.arguments("out", ["--part", "\(share)/\(Self.shares)"]))
                        guard outcome.status == 0 else { return "seed \(seed): \(outcome.errors)" }
                    }
                    let join = try workspace.run(job.arguments("out", ["--join-only"]))
                    guard join.status == 0 else { return "seed \(seed): \(join.errors)" }
                    if let difference = try job.difference("whole", "out") {
                        return "seed \(seed): \(difference)"
                    }
                    let left = try workspace.contents.filter { $0.hasPrefix(".") || $0.hasSuffix(".resume") }
                    for ending in job.outputs {
                        try FileManager.default.removeItem(atPath: workspace.file(job.file("out", ending)))
                    }
                    return left.isEmpty ? nil : "seed \(seed): left \(left)"
                }
            }
        }

        /// - Returns: what went wrong; nil where all is as it should be.
        private static func `do`(
            _ harm: Harm, _ share: Int, of job: ResumableRun, _ library: String, _ random: inout SplitMix64
        ) throws -> String? {
            let arguments = job.arguments("out", ["--part", "\(share)/\(shares)"])
            func environment(_ name: String, _ value: Int) -> [String: String?] {
                ["LD_PRELOAD": library, name: String(value)]
            }
            func outcome(of programs: [Program], codes: Set<Int32>) throws -> String? {
                for outcome in try programs.map({ try $0.wait() }) where !codes.contains(outcome.status) {
                    return "exit code \(outcome.status); \(outcome.errors)"
                }
                return nil
            }
            func run(_ environment: [String: String?], codes: Set<Int32> = [0]) throws -> String? {
                try outcome(
                    of: [job.workspace.start(arguments: arguments, environment: environment)], codes: codes)
            }
            switch harm {
            case .killed:
                let program = try job.workspace.start(arguments: arguments)
                usleep(.random(in: 0...800_000, using: &random))
                program.send(SIGKILL)
                return try outcome(of: [program], codes: [0, 128 + SIGKILL])
            case .killedBeforeRenaming, .killedAfterRenaming:
                let name = harm == .killedBeforeRenaming ? "HARM_BEFORE" : "HARM_AFTER"
                return try run(
                    environment(name, .random(in: 1...2, using: &random)), codes: [0, 128 + SIGKILL])
            case .startedTwice:
                return try outcome(
                    of: (0..<2).map { _ in try job.workspace.start(arguments: arguments) }, codes: [0])
            case .damaged:
                let folder = job.directory("out")
                let names =
                    (try? FileManager.default.contentsOfDirectory(
                        atPath: job.workspace.file(folder))) ?? []
                guard let name = names.filter({ $0 != "job.json" }).sorted().randomElement(using: &random)
                else { return nil }
                var bytes = try job.workspace.bytes(of: "\(folder)/\(name)")
                guard !bytes.isEmpty else { return nil }
                bytes[.random(in: 0..<bytes.count, using: &random)] ^= 4
                try job.workspace.write(bytes, to: "\(folder)/\(name)")
                return nil
            case .otherSettings:
                // Before anything is there, any settings are right.
                guard try job.keptFrames("out") > 0 else { return nil }
                let other = try job.workspace.run(arguments + ["--crf", "30"])
                guard other.status == 64, other.errorLines.count == 1 else {
                    return "exit code \(other.status); \(other.errors)"
                }
                return nil
            case .withoutLocks: return try run(environment("HARM_LOCKS", 1))
            case .clockAhead: return try run(environment("HARM_CLOCK", 3600))
            case .clockBehind: return try run(environment("HARM_CLOCK", -3600))
            }
        }
    }
}
