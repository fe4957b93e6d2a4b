import CFFmpeg
import Pixels

/// What an output needs to know of an audio stream to copy its packets without decoding them.
package struct AudioStreamInfo: Sendable {
    /// FFmpeg's name of the codec, such as `aac`.
    package let codecName: String
    package let sampleRate: Int
    /// Its language, title and the like, by FFmpeg's names.
    package private(set) var tags: [String: String]
    /// Seconds per tick of the stream's packets.
    package let timeBase: Rational
    /// Number of the stream in its container.
    let containerIndex: Int
    let disposition: Int32
    let parameters: CodecParameters

    package var withoutTags: AudioStreamInfo {
        var plain = self
        plain.tags = [:]
        return plain
    }
}

extension AudioStreamInfo {
    /// Describes every audio stream of an input.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    static func all(in demuxer: Demuxer) throws -> [AudioStreamInfo] {
        try demuxer.streams.enumerated().compactMap { index, stream in
            guard let stream, let parameters = stream.pointee.codecpar,
                parameters.pointee.codec_type == AVMEDIA_TYPE_AUDIO
            else { return nil }
            return AudioStreamInfo(
                codecName: String(cString: avcodec_get_name(parameters.pointee.codec_id)),
                sampleRate: Int(parameters.pointee.sample_rate),
                tags: MediaMetadata.tags(stream.pointee.metadata),
                timeBase: Rational(stream.pointee.time_base), containerIndex: index,
                disposition: stream.pointee.disposition, parameters: try CodecParameters(copying: parameters))
        }
    }
}
