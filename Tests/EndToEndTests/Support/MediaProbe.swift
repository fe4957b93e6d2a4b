import Foundation
import Testing

/// What ffprobe, which is no part of the program under test, says of a file. Damage of any kind is an error.
struct MediaProbe {
    struct Damaged: Error { let path: String, complaint: String }

    let path: String

    init(_ path: String) { self.path = path }

    /// `ffprobe -show_entries entries`, one line a frame, packet or stream.
    func lines(_ entries: String, stream: String, _ options: String...) throws -> [String] {
        let outcome = try Program.run(
            "ffprobe",
            ["-v", "error", "-select_streams", stream, "-show_entries", entries, "-of", "csv=p=0"] + options
                + [path])
        guard outcome.status == 0, outcome.errors.isEmpty else {
            throw Damaged(path: path, complaint: outcome.errors)
        }
        return outcome.output.split(separator: "\n").map {
            String($0).trimmingCharacters(in: CharacterSet(charactersIn: ", "))
        }
    }

    /// Presentation times of the decoded frames, in seconds as ffprobe writes them.
    func frameTimes() throws -> [String] { try lines("frame=pts_time", stream: "v:0") }

    /// Time, duration, size and MD5 of every audio packet.
    func audioPackets() throws -> [String] {
        try lines(
            "packet=pts_time,dts_time,duration_time,size,data_hash", stream: "a", "-show_data_hash", "md5")
    }

    /// `codec,width,height,pixels,range,matrix,transfer,primaries` of the picture.
    func videoStream() throws -> String {
        try #require(
            try lines(
                "stream=codec_name,width,height,pix_fmt,color_range,color_space,color_transfer,color_primaries",
                stream: "v:0"
            ).first)
    }

    /// Width and height of the picture, as `1280x720`.
    func size() throws -> String {
        try lines("stream=width,height", stream: "v:0").first?.replacingOccurrences(of: ",", with: "x") ?? ""
    }
}
