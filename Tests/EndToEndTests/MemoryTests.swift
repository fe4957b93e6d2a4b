import Fixtures
import NumPy
import Pixels
import Testing
import VideoIO

/// Memory is bounded by the queues, not by the length of the clip.
@Suite struct MemoryTests {
    struct Job: CustomTestStringConvertible, Sendable {
        let command: [String]
        let options: [String]
        var testDescription: String { (command + options).joined(separator: " ") }
    }

    @Test(arguments: [
        Job(command: [], options: []), Job(command: [], options: ["--resume"]),
        Job(command: ["propagate"], options: ["--mask", "first.png"]),
    ]) func manyTimesTheFramesTakeNoMoreMemory(job: Job) throws {
        let workspace = try Workspace()
        try workspace.write(
            try MaskPicture.pngBytes(IndexMask(height: 8, width: 8, repeating: 1)), to: "first.png")
        // Under a sanitizer, which makes each frame take very long, growth is the leak test's concern.
        let times = Sanitizer.active == nil ? 10 : 3
        try workspace.ffmpeg(
            "-i", Workspace.bunny, "-vf", "scale=320:-2", "-preset", "ultrafast", "short.mp4")
        try workspace.ffmpeg("-stream_loop", "\(times - 1)", "-i", "short.mp4", "-c", "copy", "long.mp4")
        let short = try peak(of: "short.mp4", job, in: workspace)
        let long = try peak(of: "long.mp4", job, in: workspace)
        let frames = try NPZReader(workspace.file("out.npz")).array("frame").int64s().count
        #expect(frames == times * 132)
        #expect(Double(long) < 1.05 * Double(short), "\(short) KiB for 132 frames, \(long) KiB for \(frames)")
    }

    /// The most memory resident at a time, in KiB.
    ///
    /// It is asked for from a small process between: what the kernel reports for a child begins with the size
    /// of the process that started it, and the tests' own is large.
    private func peak(of clip: String, _ job: Job, in workspace: Workspace) throws -> Int {
        let script = """
            import resource, subprocess, sys
            status = subprocess.call(sys.argv[1:])
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
            sys.exit(status)
            """
        let outcome = try Program.run(
            "python3",
            [
                "-c", script, Workspace.binary,
            ] + job.command + [
                clip, "-y", "-o", "out.mp4", "--export", "out.npz", "--resolution", "28", "--preset",
                "ultrafast",
            ] + job.options, environment: Workspace.cleared, directory: workspace.path)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try #require(Int(outcome.output.split(separator: "\n").last ?? ""))
    }
}
