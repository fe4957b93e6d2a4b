import Pixels
import VideoIO

/// Makes the outputs of a job whose segments are all there, in memory that does not depend on their number.
struct SegmentJoin {
    let store: SegmentStore
    let video: VideoWriter?
    let numbers: [any NumberSink]
    /// Seconds per tick of the video's times.
    let timeBase: Rational
    /// Opens the sound that goes with the video; nil where none does.
    let openSound: (SelectionSpan) throws -> SoundReader?
    let stop: StopRequest

    /// Writes everything but the ends of the outputs.
    ///
    /// - Returns: whether all was written; not so where a stop was asked for.
    /// - Throws: what the outputs throw; `PipelineError` of kind `inputOutput` where a segment has been damaged since
    ///   it was checked.
    func write() throws -> Bool {
        guard let end = store.gaps.isEmpty ? store.segments : nil, let last = store.summary(end - 1) else {
            preconditionFailure("all segments are there")
        }
        let summaries = (0..<end).compactMap(store.summary)
        var times = DecodingTimes(
            depth: summaries.map(\.reorderDepth).max() ?? 0,
            firstSegmentCount: summaries[0].packetTicks.count)
        var sound = try PendingSound(openSound(last.span))
        for number in 0..<end {
            times.begin(summaries[number].packetTicks)
            try read(number) { record in
                switch record {
                case .packet(var packet):
                    guard let video else { return }
                    packet.dtsTicks = times.next()
                    try sound.write(
                        to: video, until: Double(packet.dtsTicks) * timeBase.value)
                    try video.write(packet)
                case .numbers(let frame):
                    for sink in numbers { try sink.consume(frame) }
                }
            }
            if stop.isRequested { return false }
        }
        if let video { try sound.write(to: video, until: .infinity) }
        return true
    }

    private func read(_ number: Int, _ body: (SegmentRecord) throws -> Void) throws {
        do {
            let reader = try store.reader(of: number)
            while let record = try reader.next() { try body(record) }
        } catch let damage as SegmentFileReader.Damage {
            throw PipelineError(
                .inputOutput,
                "cannot read segment \(number) of \(store.path): \(damage.reason); the same command computes it anew"
            )
        }
    }
}

/// Sound on its way into a video, one packet ahead.
private struct PendingSound {
    private let reader: SoundReader?
    private var next: CompressedPacket?
    private var hasBegun = false

    init(_ reader: SoundReader?) throws {
        self.reader = reader
        next = try reader?.next()
    }

    /// Writes the packets up to a time in seconds, and in any case the first one: the writer decides by the first
    /// sound and the first frame where the clock begins.
    mutating func write(to video: VideoWriter, until seconds: Double) throws {
        while let packet = next {
            let time = Double(packet.ptsTicks ?? 0) * packet.timeBase.value
            guard time <= seconds || !hasBegun else { return }
            hasBegun = true
            try video.write([packet])
            next = try reader?.next()
        }
    }
}
