import ArgumentParser
import FoundationEssentials
import Pipeline

/// Whether finished segments are kept for a later run, and what of the job this run computes.
struct ResumeOptions: ParsableArguments {
    @Flag(
        name: .customLong("resume"),
        help: ArgumentHelp(
            """
            Keep finished segments in a directory beside the output, FILE.resume, and go on with those that an \
            earlier run of the same command has left there, whatever ended it.
            """))
    var isOn = false

    @Option(
        help: ArgumentHelp(
            "Frames of a segment of --resume, which is what an interruption costs at most.", valueName: "n"))
    var segmentFrames: Int = 128

    @Option(
        help: ArgumentHelp(
            """
            Compute the K-th of N parts of a --resume job and stop; any number of machines that see the directory may \
            do so at once. The same command without --part then joins them. auto takes K and N from the task of a job \
            array (Slurm, AWS Batch, Kubernetes).
            """, valueName: "k/n|auto"))
    var part: PartArgument?

    @Option(
        help: ArgumentHelp(
            "How many parts there are, for --part auto where the task does not say.", valueName: "n"))
    var parts: Int?

    @Flag(help: "Join the parts of a --resume job, and compute nothing: name what is missing instead.")
    var joinOnly = false

    @Flag(
        name: .customLong("allow-mixed-cpus"),
        help: ArgumentHelp(
            """
            Let runs of a --resume job compute with different instruction sets, libraries and precisions, and say at the \
            end which frames came of which.
            """))
    var allowMixedCPUs = false

    func validate() throws {
        guard (2...100_000).contains(segmentFrames) else {
            throw ValidationError("--segment-frames is 2 to 100000")
        }
        let given = [
            ("--part", part != nil), ("--join-only", joinOnly), ("--allow-mixed-cpus", allowMixedCPUs),
        ]
        for (option, isGiven) in given where isGiven && !isOn {
            throw ValidationError("\(option) is about the segments that --resume keeps; give both")
        }
        if part != nil, joinOnly {
            throw ValidationError("--part computes and --join-only does not; give one of them")
        }
        if let parts {
            guard part == .auto else { throw ValidationError("--parts goes with --part auto") }
            guard (1...PartArgument.most).contains(parts) else {
                throw ValidationError("--parts is 1 to \(PartArgument.most)")
            }
        }
    }

    /// The share that is asked for.
    ///
    /// - Throws: `VitvideoError` of kind `usage` where `auto` does not find out.
    func share() throws -> JobShare? {
        try part?.share(parts: parts, environment: ProcessInfo.processInfo.environment)
    }

    var settings: JobSettings { [("--segment-frames", "\(segmentFrames)")] }
}
