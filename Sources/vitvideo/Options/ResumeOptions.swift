import ArgumentParser

/// Whether finished segments are kept for a later run.
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

    func validate() throws {
        guard (2...100_000).contains(segmentFrames) else {
            throw ValidationError("--segment-frames is 2 to 100000")
        }
    }

    var settings: JobSettings { [("--segment-frames", "\(segmentFrames)")] }
}
