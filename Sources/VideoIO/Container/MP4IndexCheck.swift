import Base
import CFFmpeg

/// Checks the index of a finished MP4 or MOV file. Where FFmpeg's muxer has no memory for the index it writes
/// a broken one and reports success.
enum MP4IndexCheck {
    /// Reads the index of a file, not its data.
    /// - Parameters:
    ///   - file: where it is now.
    ///   - path: its final name, for messages.
    ///   - packetCounts: how many packets each stream was given; the first is the video.
    ///   - hasChapters: whether there are chapters, which are a track of text behind the others.
    ///   - hasExtradata: whether the video's codec has parameters of its own, without which it does not
    ///     decode.
    /// - Throws: `VitvideoError` of kind `inputOutput` where the index does not lead to the packets,
    ///   `unavailable` where memory ran out.
    static func run(_ file: String, path: String, packetCounts: [Int], hasChapters: Bool, hasExtradata: Bool)
        throws
    {
        func fail(_ code: Int32? = nil) -> VitvideoError {
            VitvideoError.ffmpeg(
                .inputOutput, cannot: "write", path: path, reason: "the finished file has a broken index",
                code: code)
        }
        var options: OpaquePointer?
        defer { av_dict_free(&options) }
        // With edit lists applied the index holds what is shown, not what is stored.
        av_dict_set(&options, "ignore_editlist", "1", 0)
        var opened: UnsafeMutablePointer<AVFormatContext>?
        let code = "file:\(file)".withPath {
            avformat_open_input(&opened, $0, av_find_input_format("mov"), &options)
        }
        if code == FFmpegCode.outOfMemory { throw VitvideoError.outOfMemory("write \(path)") }
        guard code >= 0, let context = opened else { throw fail(code) }
        defer { avformat_close_input(&opened) }
        // The muxer leaves out tracks that hold nothing.
        let packetCounts = packetCounts.filter { $0 > 0 }
        guard Int(context.pointee.nb_streams) == packetCounts.count + (hasChapters ? 1 : 0) else {
            throw fail()
        }
        let video = context.pointee.streams[0]?.pointee.codecpar
        if hasExtradata, (video?.pointee.extradata_size ?? 0) == 0 { throw fail() }
        let length = avio_size(context.pointee.pb)
        for (number, expected) in packetCounts.enumerated() {
            guard let stream = context.pointee.streams[number] else { throw fail() }
            let entries = avformat_index_get_entries_count(stream)
            // The reader counts uncompressed audio by chunks; a chunk may hold several packets.
            let isWhole = number == 0 ? entries == expected : entries > 0
            let isThere = (0..<entries).allSatisfy {
                guard let entry = avformat_index_get_entry(stream, $0)?.pointee else { return false }
                return entry.pos >= 0 && entry.pos + Int64(entry.size) <= length
            }
            guard isWhole, isThere else { throw fail() }
        }
    }
}
