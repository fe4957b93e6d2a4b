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
    private let isGIF: Bool
    /// Audio that came before the first frame, which decides how times are moved.
    private var early: [CompressedPacket] = []
    private var shift: FrameTime?

    /// A first timestamp beyond this is a time of day, not a pause before the picture.
    private static let latestStartSeconds = 60.0

    init(
        _ path: String, size: PictureSize, muxer name: String, codec: String, options: WriterOptions,
        log: WarningLog
    ) throws {
        self.path = path
        self.log = log
        timeBase = options.timeBase
        isGIF = name == "gif"
        self.options = options
        file = try AtomicFile(path, options, log)
        do {
            let encoder = try VideoEncoder(
                codec: codec, size: size, options: options, needsGlobalHeader: !isGIF)
            self.encoder = encoder
            encodedSize = encoder.size
            let temporary = file.temporaryPath
            func makeMuxer(_ audio: [AudioStreamInfo]) throws -> Muxer {
                try Muxer(
                    name, file: temporary, path: path, video: encoder, timeBase: options.timeBase,
                    frameRate: options.frameRate, audio: audio, warn: log.add)
            }
            do {
                muxer = try makeMuxer(options.audio)
            } catch let error as VideoIOError where error.kind == .unavailable && !options.audio.isEmpty {
                // A container may refuse a stream only once it sees its details.
                muxer = try makeMuxer([])
                log.add(MediaWarning(.audio, "\(path): the audio is dropped, for \(error.reason)"))
            }
        } catch {
            file.abandon()
            throw error
        }
    }

    func write(_ image: RGBImage, at time: FrameTime) throws {
        let time = options.completing(time)
        if shift == nil { try begin(time) }
        encodes = true
        try encoder.encode(image, at: time, mux)
    }

    func write(_ packet: EncodedPacket) throws {
        if shift == nil {
            try begin(FrameTime(ptsTicks: packet.ptsTicks, durationTicks: 0, timeBase: timeBase))
        }
        try packet.withPacket { try mux(VideoEncoder.Output(packet: $0, timeBase: timeBase)) }
    }

    private func mux(_ output: VideoEncoder.Output) throws {
        try muxer?.writeVideo(output, shiftedBy: shift?.ptsTicks ?? 0)
    }

    func write(_ packets: [CompressedPacket]) throws {
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

    /// Decides by the first frame's time whether the container can keep the times as they are.
    private func begin(_ time: FrameTime) throws {
        var move: Int64 = 0
        if isGIF {
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
        try muxer?.finish()
        muxer = nil
        try file.commit(as: name)
    }

    func abandon() {
        muxer = nil
        file.abandon()
    }
}
