import Base
import CFFmpeg
import Files
import Glibc
import Pixels

/// Owns one opened input: reads packets from a container.
final class Demuxer {
    enum ReadResult {
        case packet
        /// The input is at its end; `failure` is the error that ended it, where one did.
        case end(failure: String?)
    }

    let source: MediaSource
    let context: UnsafeMutablePointer<AVFormatContext>
    /// How a picture in a file of the MP4 family is turned, an AVIF picture: FFmpeg does not read it.
    private(set) lazy var pictureOrientation = readOrientation()
    private var consecutiveErrors = 0
    private var lastFailure: String?
    /// The demuxer's last complaint about data that it passed over. Its result codes do not tell; only the
    /// log does.
    private(set) var complaint: String?
    private let clock = JoinedClock()
    /// How reading ended.
    private var end: ReadResult?

    /// Opens `source` and reads enough of it to know its streams.
    /// - Parameters:
    ///   - source: no sequence, whose pictures are sources of their own.
    ///   - sequenceFrameRate: of pictures that come one after the other through a pipe.
    /// - Throws: `VitvideoError` of kind `badData` where FFmpeg finds no media in it, `noInput` where the
    ///   system refuses to read it.
    init(source: MediaSource, sequenceFrameRate: Rational) throws {
        self.source = source
        (context, complaint) = try MediaLog.listening { lastError in
            var options: OpaquePointer?
            defer { av_dict_free(&options) }
            // A playlist must not open the network, nor files that the user did not name. One from the network
            // must not open any file.
            let isNetwork = source.kind == .network
            av_dict_set(&options, "protocol_whitelist", isNetwork ? "http,https,tcp,tls" : "file,pipe", 0)
            av_dict_set(&options, "format_whitelist", Demuxer.allowedFormats, 0)
            // A server that sends nothing for 30 s is an error. The unit is microseconds.
            if isNetwork { av_dict_set(&options, "rw_timeout", "30000000", 0) }
            av_dict_set(
                &options, "framerate", "\(sequenceFrameRate.numerator)/\(sequenceFrameRate.denominator)", 0)
            // A picture may be called like a pattern.
            av_dict_set(&options, "pattern_type", "none", 0)
            var opened: UnsafeMutablePointer<AVFormatContext>?
            var code = source.url.withPath { avformat_open_input(&opened, $0, nil, &options) }
            guard code >= 0, let opened else {
                throw Demuxer.openError(source, code: code, detail: lastError())
            }
            code = avformat_find_stream_info(opened, nil)
            guard code >= 0 else {
                var closing: UnsafeMutablePointer<AVFormatContext>? = opened
                avformat_close_input(&closing)
                throw Demuxer.openError(source, code: code, detail: lastError())
            }
            return (opened, MediaLog.lastFormatError)
        }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVFormatContext>? = context
        avformat_close_input(&owned)
    }

    private static func openError(_ source: MediaSource, code: Int32, detail: String?) -> VitvideoError {
        if code == FFmpegCode.outOfMemory { return VitvideoError.outOfMemory("read \(source.path)") }
        // Several demuxers say −1 of damage, which is EPERM.
        let isSystem =
            source.kind == .network && code != FFmpegCode.invalidData
            || [EACCES, ENOENT, EISDIR, ENXIO].contains { cff_averror($0) == code }
        if !isSystem, let kind = FileKind(of: source) { return refusal(source, kind) }
        // FFmpeg names all that are on it.
        if let detail, detail.hasPrefix("Format not on whitelist") {
            return VitvideoError(
                .badData, cannot: "read", path: source.path,
                reason: "it is a playlist, a description of a stream or text, and holds no picture itself",
                nextStep: .advice("give the video itself"))
        }
        return VitvideoError.ffmpeg(
            isSystem ? .noInput : .badData, cannot: "read", path: source.path,
            reason: detail ?? "FFmpeg finds no video in it", code: code,
            nextStep: isSystem ? nil : .advice("check that it is a complete video or picture file"))
    }

    private static func refusal(_ source: MediaSource, _ kind: FileKind) -> VitvideoError {
        VitvideoError(
            .badData, cannot: "read", path: source.path, reason: kind.reason, nextStep: .advice(kind.advice))
    }

    /// The error for a source of which no frame can be decoded, where it is of a known kind.
    var knownRefusal: VitvideoError? { FileKind(of: source).map { Demuxer.refusal(source, $0) } }

    /// Every demuxer of this FFmpeg except playlists, which open other files, and text-art formats, which
    /// take any text file for a picture.
    private static let allowedFormats: String = {
        let refused: Set<Substring> = [
            "hls", "applehttp", "dash", "concat", "imf", "sdp", "rtsp", "rtp", "sap", "rtp_mpegts", "lavfi",
            "tty", "bin", "xbin", "adf", "idf", "ffmetadata", "webm_dash_manifest", "vapoursynth",
            "libopenmpt", "libgme",
        ]
        var names: [String] = []
        var iterator: UnsafeMutableRawPointer?
        while let format = av_demuxer_iterate(&iterator) {
            guard let name = format.pointee.name else { continue }
            let text = String(cString: name)
            if text.split(separator: ",").allSatisfy({ !refused.contains($0) }) { names.append(text) }
        }
        return names.joined(separator: ",")
    }()

    var streams: UnsafeMutableBufferPointer<UnsafeMutablePointer<AVStream>?> {
        UnsafeMutableBufferPointer(start: context.pointee.streams, count: Int(context.pointee.nb_streams))
    }

    var formatName: String { String(cString: context.pointee.iformat.pointee.name) }

    /// Whether the format is one of pictures rather than of video: `image2`, `png_pipe`, …
    var isPictureFormat: Bool {
        let name = formatName
        return name == "image2" || (name.hasSuffix("_pipe") && name != "yuv4mpegpipe" && name != "gif_pipe")
    }

    /// What there is besides video and sound, in words.
    var otherContent: [String] {
        func contains(_ isOfTheKind: (AVStream) -> Bool) -> Bool {
            streams.contains { $0.map { isOfTheKind($0.pointee) } ?? false }
        }
        var content: [String] = []
        if contains({ $0.codecpar.pointee.codec_type == AVMEDIA_TYPE_SUBTITLE }) {
            content.append("subtitles")
        }
        if contains({
            $0.codecpar.pointee.codec_type == AVMEDIA_TYPE_ATTACHMENT
                || $0.disposition & AV_DISPOSITION_ATTACHED_PIC != 0
        }) {
            content.append("attachments")
        }
        return content
    }

    /// How long the longest track plays, where FFmpeg's duration of the whole may be more: in MP4 once the edit lists are
    /// applied, in ASF, whose header holds one duration for all streams, whenever they start. Nil in other formats, and
    /// where a track's length is not known.
    var longestTrackMicroseconds: Int64? {
        let isMP4 = formatName.hasPrefix("mov,")
        guard isMP4 || formatName == "asf" else { return nil }
        var longest: Int64?
        for case let stream? in streams {
            let kind = stream.pointee.codecpar.pointee.codec_type
            guard kind == AVMEDIA_TYPE_VIDEO || kind == AVMEDIA_TYPE_AUDIO else { continue }
            // MP4's fragments are known only once they are read.
            guard let duration = ticks(stream.pointee.duration), !isMP4 || stream.pointee.nb_frames > 0 else {
                return nil
            }
            longest = max(
                longest ?? 0, rescale(duration, from: Rational(stream.pointee.time_base), to: .microseconds))
        }
        return longest
    }

    private func readOrientation() -> Orientation? {
        guard source.isRegularFile, let brand = av_dict_get(context.pointee.metadata, "major_brand", nil, 0),
            ["avif", "mif1", "miaf"].contains(String(cString: brand.pointee.value)),
            let file = try? MappedFile.open(source.filePath)
        else { return nil }
        return file.withBytes { HEIFStructure($0).orientation }
    }

    var isSeekable: Bool {
        guard source.kind == .file, !isPictureFormat, let io = context.pointee.pb else { return false }
        return io.pointee.seekable & AVIO_SEEKABLE_NORMAL != 0
    }

    /// How often the clock of the streams restarted so far.
    var clockRestarts: Int { clock.restarts }

    /// Packets of a stream that are flagged as damaged only because files were joined behind them.
    func packetsFlaggedForJoint(stream: Int) -> Int { clock.flaggedForJoint[stream] ?? 0 }

    /// Whether the container can hold one clock alone, so that the time of a packet does not depend on the others.
    var hasOneClock: Bool { formatName.hasPrefix("mov,") || formatName.hasPrefix("matroska") }

    /// The next packet of any stream that is not discarded, on one clock for the whole file.
    func read(into packet: UnsafeMutablePointer<AVPacket>) throws -> ReadResult {
        while true {
            if clock.take(into: packet) { return .packet }
            if let end { return end }
            let result = try readStored(into: packet)
            guard case .packet = result else {
                clock.finish()
                end = result
                continue
            }
            guard let stream = streams[Int(packet.pointee.stream_index)] else { return .packet }
            if try clock.add(packet, of: stream) { return .packet }
        }
    }

    /// The next packet as the container has it. A demuxer may go on after an error (a truncated MP4 gives one for each
    /// missing sample), so reading ends only after 64 in a row.
    private func readStored(into packet: UnsafeMutablePointer<AVPacket>) throws -> ReadResult {
        while true {
            let code = MediaLog.listening { lastError in
                let code = av_read_frame(context, packet)
                if code < 0, code != FFmpegCode.tryAgain {
                    // Where a Matroska file ends in the middle, only a line in the log tells.
                    let text = lastError() ?? (code == FFmpegCode.endOfFile ? nil : ffmpegText(code))
                    lastFailure = text ?? lastFailure
                } else if code >= 0 {
                    complaint = MediaLog.lastFormatError ?? complaint
                }
                return code
            }
            if code >= 0 {
                consecutiveErrors = 0
                if isCutShortSound(packet) {
                    av_packet_unref(packet)
                    continue
                }
                return .packet
            }
            if code == FFmpegCode.outOfMemory { throw VitvideoError.outOfMemory("read \(source.path)") }
            // RoQ's demuxer returns EIO at the end of the file.
            if code == cff_averror(EIO), formatName == "roq", avio_feof(context.pointee.pb) != 0 {
                return .end(failure: nil)
            }
            if code == FFmpegCode.endOfFile { return .end(failure: lastFailure ?? ioFailure()) }
            consecutiveErrors += 1
            if consecutiveErrors >= 64 { return .end(failure: lastFailure) }
        }
    }

    /// Whether a packet is sound of which the file's end is missing, which is copied nowhere. In transport streams the
    /// flag stands for lost packets before it, too.
    private func isCutShortSound(_ packet: UnsafeMutablePointer<AVPacket>) -> Bool {
        guard packet.pointee.flags & AV_PKT_FLAG_CORRUPT != 0, hasOneClock else { return false }
        return streams[Int(packet.pointee.stream_index)]?.pointee.codecpar.pointee.codec_type
            == AVMEDIA_TYPE_AUDIO
    }

    /// A read error that the demuxer took for the end of the file.
    private func ioFailure() -> String? {
        guard let io = context.pointee.pb, io.pointee.error < 0, io.pointee.error != FFmpegCode.endOfFile
        else { return nil }
        return ffmpegText(io.pointee.error)
    }

    /// Goes to `timestamp` or before, in ticks of the stream.
    /// - Returns: whether the demuxer could.
    func seek(stream: Int, toTicks timestamp: Int64) -> Bool {
        MediaLog.listening { _ in
            av_seek_frame(context, Int32(stream), timestamp, AVSEEK_FLAG_BACKWARD) >= 0
        }
    }

    /// The stream to show: the `choice`-th video stream, or the one that FFmpeg ranks best. Attached pictures
    /// (cover art) do not count.
    /// - Throws: `VitvideoError` of kind `badData` where there is no such stream.
    func videoStream(_ choice: Int?) throws -> Int {
        let candidates = streams.indices.filter { index in
            guard let stream = streams[index]?.pointee,
                stream.codecpar.pointee.codec_type == AVMEDIA_TYPE_VIDEO
            else { return false }
            return stream.disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS) == 0
        }
        guard let first = candidates.first else {
            let audioOnly = streams.contains { $0?.pointee.codecpar.pointee.codec_type == AVMEDIA_TYPE_AUDIO }
            if !audioOnly, let refusal = knownRefusal { throw refusal }
            throw VitvideoError(
                .badData, cannot: "read", path: source.path,
                reason: audioOnly ? "it holds sound but no video stream" : "it holds no video stream")
        }
        if let choice {
            guard candidates.indices.contains(choice) else {
                throw VitvideoError(
                    .badData, cannot: "read", path: source.path, reason: "there is no video stream \(choice)",
                    nextStep: .advice("it has \(candidates.count), numbered from 0"))
            }
            return candidates[choice]
        }
        let best = Int(av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, nil, 0))
        return candidates.contains(best) ? best : first
    }
}
