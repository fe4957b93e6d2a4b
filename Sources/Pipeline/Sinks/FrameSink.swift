/// An output that is written frame by frame. Used by one thread at a time.
///
/// It works under a temporary name; the output appears under its own name with `finish`.
package protocol FrameOutput: AnyObject {
    /// Completes the output and gives it its name.
    ///
    /// - Throws: what the writer throws; nothing is left under the output's name then.
    func finish() throws

    /// Completes what there is of the output under a name with `.partial` before the extension.
    ///
    /// - Returns: that name, or those of several files; none where there was nothing to keep.
    func finishPartial() throws -> [String]

    /// Removes what was written.
    func abandon()

    /// Files to remove where the process has to end at once, and with them those whose names begin with these.
    /// Fixed from the start; not all of them exist.
    var temporaryPaths: [String] { get }
}

/// Where annotated frames go: a video, an archive of arrays.
package protocol FrameSink: FrameOutput {
    func consume(_ frame: AnnotatedFrame) throws
}

/// Where the numbers found in frames go: a sink that needs no pictures.
package protocol NumberSink: FrameSink {
    func consume(_ numbers: FrameNumbers) throws
}

extension NumberSink {
    package func consume(_ frame: AnnotatedFrame) throws { try consume(frame.numbers) }
}
