import ArgumentParser
import Base
import Pipeline

/// How the cores are shared out.
struct ThreadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Inference threads, a frame each. (default: as many as --threads)", valueName: "n")
    )
    var workers: Int?

    @Option(
        help: ArgumentHelp(
            """
            Threads for inference in all; decoder and encoder, which do little beside it, get half as many each. \
            (default: the cores that affinity mask, control groups and Slurm allot)
            """, valueName: "n"))
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is 1 to 1024") }
        if let workers, !(1...1024).contains(workers) { throw ValidationError("--workers is 1 to 1024") }
    }

    /// A worker has a frame of its own while there are frames enough; with fewer frames several threads share one.
    ///
    /// - Parameter frames: how many there are, nil where unknown.
    func schedule(frames: Int?) -> Schedule {
        let threads = inferenceThreads
        let count = min(workers ?? threads, max(frames ?? .max, 1))
        return Schedule(workers: count, threadsPerFrame: max(threads / count, 1))
    }

    /// The same where frames take over from one another: a worker has a stretch of frames to itself, so that there are few
    /// workers, and as many threads as there are share their frames.
    ///
    /// - Parameters:
    ///   - frameBytes: of a decoded frame; workers that are ahead hold many.
    ///   - availableBytes: memory that frames may take half of; nil where unknown.
    func schedule(frames: Int?, stretchesOf frameBytes: Int, availableBytes: Int?) -> Schedule {
        let threads = inferenceThreads
        let stretches = frames.map { ($0 + Stretches.length - 1) / Stretches.length } ?? .max
        var count = max(1, min(workers ?? threads / 4, threads, stretches))
        while count > 1, let availableBytes,
            AnnotationJob.mostFramesUnderWay(workers: count, reuses: true) * frameBytes > availableBytes / 2
        {
            count -= 1
        }
        return Schedule(workers: count, threadsPerFrame: max(threads / count, 1))
    }

    /// Threads of the decoder, and of the encoder: they hold several frames each, so that more than keep up with
    /// inference only cost memory.
    var codecThreads: Int { max(1, inferenceThreads / 2) }

    private var inferenceThreads: Int { threads ?? Allocation.current.cores }
}

/// How many frames are under way at once, and how many threads share each.
struct Schedule: CustomStringConvertible {
    let workers: Int
    let threadsPerFrame: Int

    var description: String {
        let frames = "\(workers) worker\(workers == 1 ? "" : "s")"
        return threadsPerFrame == 1 ? frames : "\(frames) of \(threadsPerFrame) threads"
    }

    /// The number of workers changes no value; how many threads sum up one frame may.
    var settings: JobSettings { [("--threads for one frame", "\(threadsPerFrame)")] }
}
