import Base
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
    let openSound: (SelectionSpan) throws -> AudioReader?
    let stop: StopRequest

    /// Writes everything but the ends of the outputs.
    ///
    /// - Returns: whether all was written; not so where a stop was asked for.
    /// - Throws: what the outputs throw; `VitvideoError` of kind `inputOutput` where a segment has been damaged since
    ///   it was checked.
    func write() throws -> Bool {
        guard store.gaps().isEmpty, let end = store.lastSegment.map({ $0 + 1 }),
            let last = store.summary(end - 1)
        else { preconditionFailure("all segments are there") }
        var times = DecodingTimes(
            depth: (0..<end).compactMap { store.summary($0)?.reorderDepth }.max() ?? 0,
            firstSegmentCount: try reading(0) { $0.summary.packetTicks.count })
        var sound = try PendingSound(openSound(last.span))
        for number in 0..<end {
            try reading(number) { segment in
                times.begin(segment.summary.packetTicks)
                while let record = try segment.next() {
                    switch record {
                    case .packet(var packet):
                        guard let video else { continue }
                        packet.dtsTicks = times.next()
                        try sound.write(to: video, until: Double(packet.dtsTicks) * timeBase.value)
                        try video.write(packet)
                    case .numbers(let frame):
                        for sink in numbers { try sink.consume(frame) }
                    }
                }
            }
            if stop.isRequested { return false }
        }
        if let video { try sound.write(to: video, until: .infinity) }
        return true
    }

    private func reading<Result>(_ number: Int, _ body: (SegmentFileReader) throws -> Result) throws -> Result
    {
        do {
            return try body(store.reader(of: number))
        } catch let damage as SegmentFileReader.Damage {
            throw store.unreadable(number, damage)
        }
    }
}

/// Sound on its way into a video, one packet ahead.
private struct PendingSound {
    private let reader: AudioReader?
    private var next: AudioPacket?
    private var hasBegun = false

    init(_ reader: AudioReader?) throws {
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
