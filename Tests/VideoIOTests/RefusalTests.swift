import Base
import Fixtures
import Foundation
import Testing
import VideoIO

/// What is no video is refused in one sentence: what it is, and what helps.
@Suite struct RefusalTests {
    static func check(_ path: String, _ reason: String) {
        let error = failure { try VideoReader.open(path) }
        #expect(error?.kind == .badData, "\(path)")
        #expect(error?.reason.contains(reason) == true, "\(error?.description ?? "no error")")
        #expect(error?.nextStep != nil && (error?.description.count ?? 0) < 300 + path.count)
    }

    @Test func archivesAreNamed() throws {
        let scratch = try Scratch()
        let source = try scratch.clip("in.mp4", frames: 5, ["-c:v", "libx264"])
        try run(
            "python3",
            [
                "-c",
                """
                import bz2, gzip, lzma, sys, tarfile, zipfile
                data = open(sys.argv[1], "rb").read()
                for name, pack in [("gz", gzip), ("bz2", bz2), ("xz", lzma)]:
                    open(f"{sys.argv[1]}.{name}", "wb").write(pack.compress(data))
                zipfile.ZipFile(sys.argv[1] + ".zip", "w").write(sys.argv[1])
                tarfile.open(sys.argv[1] + ".tar", "w").add(sys.argv[1])
                """, source,
            ])
        for (ending, reason) in [
            ("gz", "compressed with gzip"), ("bz2", "compressed with bzip2"), ("xz", "compressed with xz"),
            ("zip", "a ZIP archive"), ("tar", "a tar archive"),
        ] { Self.check("\(source).\(ending)", reason) }
        try FileManager.default.moveItem(atPath: source + ".gz", toPath: scratch.file("zipped.mp4"))
        Self.check(scratch.file("zipped.mp4"), "compressed with gzip")
    }

    @Test(arguments: [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nin.mp4\n#EXT-X-ENDLIST\n", "playlist"),
        ("a.mp4", "#EXTM3U\nin.mp4\n", "playlist"), ("a.pls", "[playlist]\nFile1=in.mp4\n", "playlist"),
        ("a.txt", "ffconcat version 1.0\nfile in.mp4\n", "playlist"),
        ("a.mpd", "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"></MPD>", "playlist"),
        (
            "a.sdp", "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\n",
            "stream on the network"
        ),
        ("a.webm", "<!DOCTYPE html>\n<html><body>not found</body></html>", "web page"),
        ("a.mkv", "file in.mp4\n", "text"),
        ("a.png", "%PDF-1.4\n%\u{80}\u{01}\u{02}", "PDF"),
    ]) func listsAndTextAreNamed(name: String, content: String, reason: String) throws {
        let scratch = try Scratch()
        Self.check(try scratch.write(content.utf8, to: name), reason)
    }

    /// Through a pipe nobody can look twice; the reason is short all the same.
    @Test func playlistsInAPipeAreRefusedShortly() throws {
        let scratch = try Scratch()
        let list = try scratch.write(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nin.mp4\n#EXT-X-ENDLIST\n".utf8, to: "a.m3u8")
        let pipe = scratch.file("pipe")
        try #require(mkfifo(pipe, 0o600) == 0)
        let writer = Process()
        writer.executableURL = URL(fileURLWithPath: "/bin/sh")
        writer.arguments = ["-c", "cat '\(list)' > '\(pipe)'"]
        try writer.run()
        Self.check(pipe, "playlist")
        writer.waitUntilExit()
    }

    @Test func picturesThatFFmpegDoesNotReadAreNamed() throws {
        let scratch = try Scratch()
        func box(_ name: String, _ content: [UInt8]) -> [UInt8] {
            [0, 0, 0, UInt8(content.count + 8)] + Array(name.utf8) + content
        }
        let brands = Array("heic".utf8) + [0, 0, 0, 0] + Array("mif1heic".utf8)
        let heic =
            box("ftyp", brands) + box("meta", [0, 0, 0, 0]) + box("mdat", [UInt8](repeating: 0, count: 99))
        Self.check(try scratch.write(heic, to: "a.heic"), "HEIC")
        Self.check(try scratch.write(heic, to: "a.jpg"), "HEIC")
        let frames = try scratch.clip("in.webp", frames: 5, ["-loop", "0"])
        Self.check(frames, "animated WebP")
        let big: [UInt8] = Array("II+\0".utf8) + [8, 0, 0, 0, 16] + [UInt8](repeating: 0, count: 40)
        Self.check(try scratch.write(big, to: "big.tif"), "BigTIFF")
        // Where only the decoder knows why, it is quoted.
        // Gray of 8 by 8 in floating point: size, bits, no compression, gray, one strip, the sample's format.
        let entries: [(UInt8, UInt8)] = [(0, 8), (1, 8), (2, 32), (3, 1), (6, 1), (17, 128), (22, 8)]
        var float: [UInt8] = Array("II*\0".utf8) + [8, 0, 0, 0, 9, 0]
        for (tag, value) in entries { float += [tag, 1, 3, 0, 1, 0, 0, 0, value, 0, 0, 0] }
        float += [23, 1, 4, 0, 1, 0, 0, 0, 0, 1, 0, 0, 83, 1, 3, 0, 1, 0, 0, 0, 3, 0, 0, 0]
        float += [UInt8](repeating: 0, count: 512)
        try scratch.write(float, to: "float.tif")
        let error = failure { try VideoReader.open(scratch.file("float.tif")) }
        #expect(
            error?.kind == .badData && error?.reason.contains("decoded (") == true, "\(error?.reason ?? "")")
    }

    @Test(arguments: ["enc.mp4", "enc.mov"]) func encryptedVideoIsNamed(name: String) throws {
        let scratch = try Scratch()
        let path = try scratch.clip(
            name, frames: 10,
            [
                "-c:v", "libx264", "-encryption_scheme", "cenc-aes-ctr", "-encryption_key",
                "76a6c65c5ea762046bd749a2e632ccbb", "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8",
            ])
        Self.check(path, "encrypted")
    }
}
