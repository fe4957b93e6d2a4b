import Base
import CFFmpeg
import Pixels

/// Reads the audio of an input by itself: the packets that a `VideoReader` of the same selection delivers
/// with its frames. It decodes nothing.
///
/// For one thread at a time.
package final class AudioReader {
    private let demuxer: Demuxer
    private let streams: [AudioStreamInfo]
    private let packet: UnsafeMutablePointer<AVPacket>
    private var cutter = AudioCutter()
    private let end: FrameTime?
    private var ready: [AudioPacket] = []
    private var isAtEnd = false

    /// - Parameters:
    ///   - options: those of the reader of the frames.
    ///   - span: where the selection begins and ends.
    ///   - timeBase: seconds per tick of the span.
    /// - Throws: `VitvideoError` as `VideoReader.open` does.
    package init(
        path: String, options: ReaderOptions, span: SelectionSpan, timeBase: Rational
    ) throws {
        MediaLog.install()
        let source = try MediaSource(path: path, allowsNetwork: options.allowsNetwork)
        demuxer = try Demuxer(source: source, sequenceFrameRate: options.sequenceFrameRate)
        streams = try AudioStreamInfo.all(in: demuxer)
        func time(_ ticks: Int64) -> FrameTime {
            FrameTime(ptsTicks: ticks, durationTicks: 0, timeBase: timeBase)
        }
        end = span.endTicks.map(time)
        guard let packet = av_packet_alloc() else { throw VitvideoError.outOfMemory("read \(path)") }
        self.packet = packet
        if demuxer.hasOneClock {
            for index in demuxer.streams.indices
            where !streams.contains(where: { $0.containerIndex == index }) {
                demuxer.streams[index]?.pointee.discard = AVDISCARD_ALL
            }
        }
        if let start = span.startTicks { cutter.begin(at: time(start)) }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&owned)
    }

    /// The next packet of any audio stream, on the output's clock; nil after the last one.
    /// - Throws: `VitvideoError`.
    package func next() throws -> AudioPacket? {
        while ready.isEmpty {
            if isAtEnd { return nil }
            isAtEnd = try !readOne()
            ready = cutter.take(before: end)
        }
        return ready.removeFirst()
    }

    /// - Returns: whether more of the span may follow.
    private func readOne() throws -> Bool {
        guard case .packet = try demuxer.read(into: packet) else { return false }
        defer { av_packet_unref(packet) }
        guard
            let position = streams.firstIndex(where: { $0.containerIndex == Int(packet.pointee.stream_index) }
            )
        else { return true }
        let timeBase = streams[position].timeBase
        cutter.add(try AudioPacket(moving: packet, audioStreamIndex: position, timeBase: timeBase))
        guard let end else { return true }
        return !cutter.hasPassed(end, streams: streams.map(\.timeBase))
    }
}
