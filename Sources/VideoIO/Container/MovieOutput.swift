import CFFmpeg
import Files
import Pixels

/// A file with a video stream and copied audio streams: MP4, MOV, Matroska, WebM, and GIF.
final class MovieOutput: PictureOutput {
    let encodedSize: PictureSize
    var temporaryPaths: [String] { [file.temporaryPath] }
    private let path: String
    private let file: AtomicFile
    private let encoder: VideoEncoder
    private var muxer: Muxer?
    private let log: WarningLog
    private let timeBase: Rational
    private let options: WriterOptions
    /// Whether the encoder has been given a picture, or the packets come from elsewhere.
    private var encodes = false
    /// Nil for other containers.
    private var gifDelays: GIFDelays?
    /// When the last frame ends, on the clock of the frames.
    private var end: Int64 = 0
    /// Audio that came before the first frame. That frame decides how times are shifted.
    private var early: [AudioPacket] = []
    private var shift: FrameTime?

    /// A later first timestamp is taken for a time of day, not for a pause before the picture.
    private static let latestStartSeconds = 60.0

    /// - Parameters:
    ///   - name: FFmpeg's name of the muxer.
    ///   - codec: used unless the options name another.
    init(
        _ path: String, size: PictureSize, muxer name: String, codec: String, options: WriterOptions,
        log: WarningLog
    ) throws {
        self.path = path
        self.log = log
        timeBase = options.timeBase
        gifDelays = name == "gif" ? GIFDelays() : nil
        self.options = options
        file = try AtomicFile(path, options, log)
        do {
            let encoder = try VideoEncoder(
                codec: codec, size: size, options: options, needsGlobalHeader: gifDelays == nil)
            self.encoder = encoder
            encodedSize = encoder.size
            muxer = try Muxer.open(
                name, file: file.temporaryPath, path: path, video: encoder, options: options, warn: log.add)
        } catch {
            file.abandon()
            throw error
        }
    }

    func write(_ image: RGBImage, at time: FrameTime) throws {
        let time = options.completing(time)
        if shift == nil { try begin(time) }
        if gifDelays?.shows(time) == false { return }
        end = max(end, time.ptsTicks + time.durationTicks)
        encodes = true
        try encoder.encode(image, at: time, mux)
    }

    func write(_ packet: VideoPacket) throws {
        if shift == nil {
            try begin(FrameTime(ptsTicks: packet.ptsTicks, durationTicks: 0, timeBase: timeBase))
        }
        end = max(end, packet.ptsTicks + packet.durationTicks)
        try packet.withPacket { try mux(VideoEncoder.Output(packet: $0, timeBase: timeBase)) }
    }

    private func mux(_ output: VideoEncoder.Output) throws {
        try muxer?.writeVideo(output, shiftedBy: shift?.ptsTicks ?? 0)
    }

    func write(_ packets: [AudioPacket]) throws {
        guard let shift else {
            early += packets
            return
        }
        for packet in packets {
            guard let isUnchanged = try muxer?.writeAudio(packet, shiftedBy: shift), !isUnchanged else {
                continue
            }
            log.add(MediaWarning(.timestamps, "\(path): audio timestamps ran backwards and were mended"))
        }
    }

    /// Decides by the first frame's time how far all times are shifted.
    private func begin(_ time: FrameTime) throws {
        var move: Int64 = 0
        if gifDelays != nil {
            move = -time.ptsTicks
        } else if time.ptsTicks < 0 {
            move = -time.ptsTicks
            log.add(
                MediaWarning(
                    .timestamps,
                    "\(path): the first frame is at \(time.seconds) s, before zero, where files begin; all is moved by that"
                ))
        } else if time.seconds > MovieOutput.latestStartSeconds {
            let earliest = early.compactMap { packet in
                packet.ptsTicks.map { rescale($0, from: packet.timeBase, to: timeBase) }
            }
            move = -max(0, min(time.ptsTicks, earliest.min() ?? time.ptsTicks))
            log.add(
                MediaWarning(
                    .timestamps,
                    "\(path): the source's clock starts at \(shortSeconds(time.seconds)) s; all is moved to begin at zero"
                ))
        }
        shift = FrameTime(ptsTicks: move, durationTicks: 0, timeBase: timeBase)
        let packets = early
        early = []
        try write(packets)
    }

    func finish(as name: String?) throws {
        if encodes { try encoder.flush(mux) }
        if let gifDelays {
            muxer?.setLastDelay(gifDelays.last)
            if gifDelays.leftOut > 0 {
                log.add(
                    MediaWarning(
                        .timestamps,
                        "\(path): \(counted(gifDelays.leftOut, "frame")) left out, for GIF players show none for less than 20 ms"
                    ))
            }
        }
        try muxer?.add(chapters())
        try muxer?.finish()
        muxer = nil
        try file.commit(as: name)
    }

    /// The source's chapters as far as the output lasts, on its clock.
    private func chapters() -> [MediaMetadata.Chapter] {
        guard let shift else { return [] }
        let end = FrameTime(ptsTicks: end + shift.ptsTicks, durationTicks: 0, timeBase: timeBase)
        return options.metadata.counted(
            from: FrameTime(ptsTicks: -shift.ptsTicks, durationTicks: 0, timeBase: timeBase)
        )
        .cut(to: end).chapters
    }

    func abandon() {
        muxer = nil
        file.abandon()
    }
}
