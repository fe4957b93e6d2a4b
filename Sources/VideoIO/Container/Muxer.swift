import Base
import CFFmpeg
import Pixels

/// Owns one output container: packets in, a file out.
final class Muxer {
    private let context: UnsafeMutablePointer<AVFormatContext>
    private let path: String
    /// The file that is written; it gets its final name later.
    private let file: String
    /// Number of packets written to each stream.
    private var packetCounts: [Int] = []
    /// Number of each audio stream in the container, in the order of the list given; `nil` for those left
    /// out.
    private(set) var audioIndex: [Int?] = []
    /// Decoding time of each stream's last packet.
    private var lastDTS: [Int: Int64] = [:]
    private var acrossGap = PacketsAcrossGap()
    /// Whether the container is MP4 or MOV, which hold times before zero, and an index.
    private let isMP4: Bool
    private var hasHeader = false
    private var isOpen = true

    /// FFmpeg does not make the container, or not with these streams.
    private struct Refusal: Error {
        let reason: String
        let code: Int32

        static let outOfMemory = Refusal(
            reason: "FFmpeg could not allocate memory", code: FFmpegCode.outOfMemory)
    }

    /// Opens a container. Where it refuses the streams, it is opened without the audio.
    ///
    /// - Parameters:
    ///   - name: FFmpeg's name of the muxer.
    ///   - file: the file to write, which exists.
    ///   - path: the file's final name, for messages.
    ///   - encoder: of the video stream.
    ///   - options: clock and rate of the video stream, and the audio streams.
    ///   - warn: called for audio that is left out.
    /// - Throws: `VitvideoError`: `usage` where the container does not take the codec, `unavailable` where it
    ///   refuses the video stream, `cannotCreate` or `inputOutput` where the file cannot be opened or
    ///   written.
    static func open(
        _ name: String, file: String, path: String, video encoder: VideoEncoder, options: WriterOptions,
        warn: (MediaWarning) -> Void
    ) throws -> Muxer {
        let streams = options.audio
        func open(taking isTaken: [Bool]) throws -> Muxer {
            try Muxer(name, file: file, path: path, video: encoder, options: options, takes: isTaken)
        }
        do {
            var isTaken = streams.map { Muxer.takes($0, in: name) }
            var muxer: Muxer
            do { muxer = try open(taking: isTaken) } catch is Refusal where isTaken.contains(true) {
                // A container may refuse a stream only once it sees its details.
                for index in streams.indices where isTaken[index] {
                    do { _ = try open(taking: streams.indices.map { $0 == index }) } catch is Refusal {
                        isTaken[index] = false
                    }
                }
                muxer = try open(taking: isTaken)
            }
            for (stream, isTaken) in zip(streams, isTaken) where !isTaken {
                warn(MediaWarning(.audio, Muxer.loss(of: stream, path: path)))
            }
            return muxer
        } catch let refusal as Refusal {
            throw VitvideoError.ffmpeg(
                .unavailable, cannot: "write", path: path, reason: refusal.reason, code: refusal.code)
        }
    }

    /// Whether a container takes a codec of sound, as far as that is known without its details. Matroska takes what
    /// WAV and AVI do, which FFmpeg does not call official.
    private static func takes(_ stream: AudioStreamInfo, in name: String) -> Bool {
        guard let format = av_guess_format(name, nil, nil) else { return false }
        let compliance = name == "matroska" ? FF_COMPLIANCE_UNOFFICIAL : FF_COMPLIANCE_NORMAL
        return avformat_query_codec(format, stream.parameters.pointer.pointee.codec_id, compliance) == 1
    }

    /// One line on a stream that is dropped.
    private static func loss(of stream: AudioStreamInfo, path: String) -> String {
        let other = OutputFormat.withExtension("mkv", path)
        return "\(path): the container does not take \(stream.codecName) audio; the stream is dropped"
            + (other != path && takes(stream, in: "matroska") ? "; name the output \(other) to keep it" : "")
    }

    /// - Parameter isTaken: for each audio stream of the options, whether it is written.
    private init(
        _ name: String, file: String, path: String, video encoder: VideoEncoder,
        options writer: WriterOptions,
        takes isTaken: [Bool]
    ) throws {
        let (timeBase, frameRate) = (writer.timeBase, writer.frameRate)
        let audio = zip(writer.audio, isTaken).filter(\.1).map(\.0)
        (self.path, self.file) = (path, file)
        var created: UnsafeMutablePointer<AVFormatContext>?
        let code = "file:\(file)".withPath { avformat_alloc_output_context2(&created, nil, name, $0) }
        guard code >= 0, let context = created else {
            throw Refusal(reason: "FFmpeg has no \(name) muxer", code: code)
        }
        self.context = context
        isMP4 = name == "mp4" || name == "mov"
        try addVideo(encoder, timeBase: timeBase, frameRate: frameRate)
        audioIndex = try zip(writer.audio, isTaken).map { try $1 ? addAudio($0) : nil }
        MediaMetadata.set(writer.metadata.tags, in: &context.pointee.metadata)
        MediaMetadata.set(writer.metadata.videoTags, in: &context.pointee.streams[0]!.pointee.metadata)

        // By default FFmpeg shifts all times so that none is negative; here the times stay as they are.
        context.pointee.avoid_negative_ts = 0
        let opened = "file:\(file)".withPath {
            avio_open2(&context.pointee.pb, $0, AVIO_FLAG_WRITE, nil, nil)
        }
        guard opened >= 0 else {
            throw VitvideoError.ffmpeg(
                .cannotCreate, cannot: "create", path: path, reason: ffmpegText(opened), code: opened)
        }
        var options: OpaquePointer?
        defer { av_dict_free(&options) }
        if isMP4 {
            av_dict_set(&options, "movflags", "+faststart", 0)
            // A clock of at least 1 kHz is taken as it is; coarser ones FFmpeg multiplies, which is exact
            // too.
            if timeBase.denominator >= 1000 {
                av_dict_set_int(&options, "video_track_timescale", Int64(timeBase.denominator), 0)
            }
            av_dict_set_int(
                &options, "movie_timescale",
                Muxer.movieClock(Int(timeBase.denominator), audio.map { Int($0.sampleRate) }), 0)
        }
        try MediaLog.listening { lastError in
            let code = avformat_write_header(context, &options)
            guard code < 0 else { return }
            let reason = lastError() ?? "the \(name) container refused a stream"
            let isDisk = [ENOSPC, EFBIG, EDQUOT, EIO].contains { cff_averror($0) == code }
            guard isDisk else { throw Refusal(reason: reason, code: code) }
            throw VitvideoError.ffmpeg(
                .inputOutput, cannot: "write", path: path, reason: reason, code: code)
        }
        hasHeader = true
    }

    deinit {
        close()
        avformat_free_context(context)
    }

    /// A start other than zero is stored on the movie's clock, so that clock should resolve each stream's
    /// ticks.
    private static func movieClock(_ video: Int, _ sampleRates: [Int]) -> Int64 {
        func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
        let video = video >= 1000 ? video : video * 1000
        let common = sampleRates.reduce(video) { common, rate in
            rate > 0 && common <= 1_000_000 ? common / divisor(common, rate) * rate : common
        }
        return Int64(common <= 1_000_000 ? common : min(video, Int(Int32.max)))
    }

    private func newStream() throws -> UnsafeMutablePointer<AVStream> {
        guard let stream = avformat_new_stream(context, nil) else { throw Refusal.outOfMemory }
        packetCounts.append(0)
        return stream
    }

    private func addVideo(_ encoder: VideoEncoder, timeBase: Rational, frameRate: Rational?) throws {
        let codec = encoder.context.pointee.codec_id
        guard avformat_query_codec(context.pointee.oformat, codec, FF_COMPLIANCE_NORMAL) != 0 else {
            throw VitvideoError(
                .usage, cannot: "write", path: path,
                reason: "its container does not take \(String(cString: avcodec_get_name(codec)))",
                nextStep: .otherCodec)
        }
        let stream = try newStream()
        guard avcodec_parameters_from_context(stream.pointee.codecpar, encoder.context) >= 0 else {
            throw Refusal.outOfMemory
        }
        if codec == AV_CODEC_ID_HEVC, isMP4 {
            stream.pointee.codecpar.pointee.codec_tag = cff_tag(0x68, 0x76, 0x63, 0x31)  // hvc1
        }
        stream.pointee.time_base = AVRational(timeBase)
        if let frameRate { stream.pointee.avg_frame_rate = AVRational(frameRate) }
        stream.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
    }

    /// - Returns: number of the stream in the container.
    private func addAudio(_ info: AudioStreamInfo) throws -> Int {
        let stream = try newStream()
        guard avcodec_parameters_copy(stream.pointee.codecpar, info.parameters.pointer) >= 0 else {
            throw Refusal.outOfMemory
        }
        // The tag is the old container's name for the codec.
        stream.pointee.codecpar.pointee.codec_tag = 0
        stream.pointee.time_base = AVRational(info.timeBase)
        stream.pointee.disposition = info.disposition
        MediaMetadata.set(info.tags, in: &stream.pointee.metadata)
        return Int(stream.pointee.index)
    }

    /// Writes a video packet; takes over its data.
    /// - Parameter shift: added to its times, in ticks of the packet's clock.
    func writeVideo(_ output: VideoEncoder.Output, shiftedBy shift: Int64) throws {
        let packet = output.packet
        let clock = Rational(context.pointee.streams[0]!.pointee.time_base)
        func convert(_ ticks: Int64) -> Int64 {
            ticks == noTimestamp ? ticks : rescale(ticks + shift, from: output.timeBase, to: clock)
        }
        packet.pointee.pts = convert(packet.pointee.pts)
        packet.pointee.dts = convert(packet.pointee.dts)
        packet.pointee.duration = rescale(packet.pointee.duration, from: output.timeBase, to: clock)
        guard isMP4 else { return try write(packet, to: 0) }
        if try acrossGap.hold(packet, path: path) { return }
        try writeAcrossGap(before: packet.pointee.dts)
        try write(packet, to: 0)
    }

    /// - Parameter next: decoding time of the video packet that is written after them.
    private func writeAcrossGap(before next: Int64) throws {
        for held in acrossGap.release(before: next) { try write(held.packet, to: 0) }
    }

    /// How much later than it sounds Matroska stores a stream, in ticks of `clock`. FFmpeg declares this delay for Opus
    /// alone; readers subtract it.
    private func declaredDelay(of parameters: AVCodecParameters, clock: Rational) -> Int64 {
        guard parameters.codec_id == AV_CODEC_ID_OPUS, parameters.sample_rate > 0 else { return 0 }
        return rescale(
            Int64(parameters.initial_padding), from: Rational(1, parameters.sample_rate), to: clock)
    }

    /// Writes an audio packet. What sounds before Matroska's clock starts is left out.
    /// - Parameter shift: a time to add to the packet's own.
    /// - Returns: whether it was written as it is; `false` where its times had to be adapted.
    func writeAudio(_ source: AudioPacket, shiftedBy shift: FrameTime) throws -> Bool {
        guard source.audioStreamIndex < audioIndex.count, let index = audioIndex[source.audioStreamIndex],
            let stream = context.pointee.streams[index]
        else { return true }
        guard let packet = av_packet_clone(source.packet) else {
            throw VitvideoError.outOfMemory("write \(path)")
        }
        var owned: UnsafeMutablePointer<AVPacket>? = packet
        defer { av_packet_free(&owned) }
        let clock = Rational(stream.pointee.time_base)
        let offset = rescale(shift.ptsTicks, from: shift.timeBase, to: source.timeBase)
        packet.pointee.pts = rescale(packet.pointee.pts + offset, from: source.timeBase, to: clock)
        packet.pointee.dts = rescale(packet.pointee.dts + offset, from: source.timeBase, to: clock)
        packet.pointee.duration = rescale(packet.pointee.duration, from: source.timeBase, to: clock)
        packet.pointee.pos = -1

        if !isMP4 {
            let delay = declaredDelay(of: stream.pointee.codecpar.pointee, clock: clock)
            packet.pointee.pts += delay
            packet.pointee.dts += delay
            // Matroska's clock starts at zero; a millisecond, its tick, may be lost in rounding.
            guard packet.pointee.pts >= -1 else { return true }
            packet.pointee.pts = max(0, packet.pointee.pts)
            packet.pointee.dts = max(0, packet.pointee.dts)
        }
        var isUnchanged = true
        packet.pointee.dts = min(packet.pointee.dts, packet.pointee.pts)
        if let last = lastDTS[index] {
            let least = isMP4 ? last + 1 : last
            if packet.pointee.dts < least {
                packet.pointee.dts = least
                isUnchanged = false
            }
            if packet.pointee.pts < packet.pointee.dts { packet.pointee.pts = packet.pointee.dts }
        }
        try write(packet, to: index)
        return isUnchanged
    }

    private func write(_ packet: UnsafeMutablePointer<AVPacket>, to index: Int) throws {
        if isMP4, let last = lastDTS[index], packet.pointee.dts - last > Int64(Int32.max) {
            let clock = Rational(context.pointee.streams[index]!.pointee.time_base)
            throw VitvideoError(
                .usage, cannot: "write", path: path,
                reason: "its container does not hold a gap of "
                    + "\(Int(Double(packet.pointee.dts - last) * clock.value / 3600)) hours",
                nextStep: .advice("write \(OutputFormat.withExtension("mkv", path)) instead"))
        }
        lastDTS[index] = packet.pointee.dts
        packet.pointee.stream_index = Int32(index)
        try check(av_interleaved_write_frame(context, packet))
        packetCounts[index] += 1
    }

    /// Sets how long a GIF's last frame is shown, in hundredths of a second.
    func setLastDelay(_ delay: Int64) {
        av_opt_set_int(context.pointee.priv_data, "final_delay", min(65_535, delay), 0)
    }

    /// Adds chapters, which are written with the end of the file.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    func add(_ chapters: [MediaMetadata.Chapter]) throws {
        guard MediaMetadata.add(chapters, to: context) else {
            throw VitvideoError.outOfMemory("write \(path)")
        }
    }

    /// Completes the file, and checks whether it can be read.
    /// - Throws: `VitvideoError` of kind `inputOutput` where it cannot be written, or its index is broken.
    func finish() throws {
        guard isOpen else { return }
        try writeAcrossGap(before: .max)
        let written = av_write_trailer(context)
        hasHeader = false
        try check(written)
        isOpen = false
        let code = avio_closep(&context.pointee.pb)
        try check(code)
        if isMP4 {
            let video = context.pointee.streams[0]?.pointee.codecpar
            try MP4IndexCheck.run(
                file, path: path, packetCounts: packetCounts, hasChapters: context.pointee.nb_chapters > 0,
                hasExtradata: (video?.pointee.extradata_size ?? 0) > 0)
        }
    }

    /// Closes the file as it is, incomplete.
    private func close() {
        guard isOpen else { return }
        isOpen = false
        // The packet that the GIF muxer holds back is freed by its trailer alone.
        if hasHeader, String(cString: context.pointee.oformat.pointee.name) == "gif" {
            av_write_trailer(context)
        }
        avio_closep(&context.pointee.pb)
    }

    private func check(_ code: Int32) throws {
        let pending = context.pointee.pb?.pointee.error ?? 0
        let worst = code < 0 ? code : min(0, pending)
        guard worst < 0 else { return }
        throw VitvideoError.ffmpeg(
            .inputOutput, cannot: "write", path: path, reason: "the file could not be written to", code: worst
        )
    }
}
