import Fixtures
import Foundation
import LocalServer
import Testing

extension Robustness {
    /// Inputs that would like more than to be looked at.
    @Suite struct Security {
        /// `$clip` is a file's name, `$url` a server's address.
        static let playlists = [
            ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n$clip\n#EXT-X-ENDLIST\n"),
            ("b.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n$url\n#EXT-X-ENDLIST\n"),
            ("c.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n$url\n#EXT-X-ENDLIST\n"),
            ("d.ffconcat", "ffconcat version 1.0\nfile $clip\n"),
            ("e.txt", "ffconcat version 1.0\nfile '$url'\n"),
            (
                "f.mpd",
                "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><BaseURL>$url</BaseURL></MPD>"
            ),
            ("g.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"),
        ]

        /// Neither alone nor with `--allow-network` does a file lead to another one or to a server.
        @Test(arguments: playlists, [[], ["--allow-network"]])
        func playlistsLeadNowhere(_ playlist: (name: String, text: String), _ option: [String]) throws {
            let rack = TestServer.Rack()
            let server = try rack.serve { _, _ in [.head("404 Not Found")] }
            let workspace = try Workspace()
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-frames:v", "5", "clip.ts")
            let text = playlist.text.replacing("$clip", with: "clip.ts").replacing(
                "$url", with: server.url("/clip.ts"))
            try workspace.write(text.utf8, to: playlist.name)
            tryCase("security: playlists") {
                if let fault = try Trial(playlist.name, playlist.name, in: workspace, option).fault(.refused)
                {
                    return fault
                }
                return server.requests.isEmpty ? nil : "\(playlist.name): the server was asked"
            }
        }

        @Test func addressesAreReadOnlyWhenAllowed() throws {
            let workspace = try Workspace()
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-frames:v", "5", "clip.mkv")
            let file = ServedFile(bytes: [UInt8](try workspace.bytes(of: "clip.mkv")))
            let local = "file://" + workspace.file("clip.mkv")
            let rack = TestServer.Rack()
            let server = try rack.serve { request, _ in
                switch request.path {
                case "/file": [.head("302 Found", ["Location: \(local)"])]
                case "/list.m3u8":
                    [
                        .head("200 OK"),
                        .send(Array("#EXTM3U\n#EXTINF:1,\n\(local)\n".utf8)),
                    ]
                case "/clip.mkv": file.response(to: request)
                default: [.head("404 Not Found")]
                }
            }
            tryCase("security: network") {
                let trial = try Trial("forbidden", server.url("/clip.mkv"), in: workspace)
                if trial.outcome.status != 66 || !trial.outcome.errors.contains("--allow-network") {
                    return "\(trial.outcome)"
                }
                return server.requests.isEmpty ? nil : "the server was asked"
            }
            tryCase("security: network") {
                try Trial("allowed", server.url("/clip.mkv"), in: workspace, ["--allow-network"])
                    .fault(.frames(5))
            }
            for path in ["/file", "/list.m3u8", "/missing"] {
                tryCase("security: network") {
                    let trial = try Trial(path, server.url(path), in: workspace, ["--allow-network"])
                    return trial.frames == nil && [65, 66].contains(trial.outcome.status)
                        ? nil : "\(path): \(trial.outcome)"
                }
            }
        }

        /// Names are names, not commands.
        @Test(arguments: [
            "$(touch owned)", "`touch owned`", "; touch owned;", "|touch owned", "&touch owned&",
        ])
        func noShellReadsNames(_ name: String) throws {
            let workspace = try Workspace()
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-frames:v", "2", "clip.mkv")
            try FileManager.default.moveItem(
                atPath: workspace.file("clip.mkv"), toPath: workspace.file(name + ".mkv"))
            tryCase("security: no shell") {
                let outcome = try workspace.run(
                    [name + ".mkv", "-o", name + ".mp4", "--export", name + ".npz", "--resolution", "28"]
                        + Trial.model)
                guard outcome.status == 0 else { return outcome.errors }
                let names = try workspace.contents
                return names == [".mkv", ".mp4", ".npz"].map { name + $0 } ? nil : "\(names)"
            }
        }

        @Test func cacheFilesAreTheOwnersToWrite() throws {
            let workspace = try Workspace()
            tryCase("security: cache files") {
                let outcome = try workspace.limited(
                    "umask 000; export VITVIDEO_CACHE=\(workspace.path)/cache",
                    ["models", "import", try workspace.modelPath(), "--as", "dinov2_vits14"])
                guard outcome.status == 0 else { return outcome.errors }
                let files = try workspace.files(under: "cache")
                guard !files.isEmpty else { return "the cache is empty" }
                for file in files {
                    let attributes = try FileManager.default.attributesOfItem(atPath: workspace.file(file))
                    let mode = attributes[.posixPermissions] as? Int ?? 0o777
                    if mode & 0o022 != 0 { return "\(file) has mode \(String(mode, radix: 8))" }
                }
                return nil
            }
        }
    }
}
