import Fixtures
import Foundation
import Testing

/// Names of files as Linux has them: bytes, of which only the slash and the zero have a meaning.
@Suite struct NameTests {
    /// A directory with a clip, pictures and weights, each with a byte in its name that is not UTF-8.
    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc=s=64x64:r=5", "-frames:v", "3", "-pix_fmt", "yuv420p", "in.mp4")
        try workspace.ffmpeg("-i", "in.mp4", "-frames:v", "1", "in.png")
        let made = try workspace.shell(
            """
            e=$(printf '\\351'); mkdir "d$e" && mv in.mp4 "d$e/v$e.mp4" && cp in.png "d$e/p$e.png" &&
            mv in.png "q$e.png" && cp "$1" "w$e.safetensors"
            """, arguments: [MethodCommandTests.tiny[1]])
        try #require(made.status == 0, "\(made.errors)")
        return workspace
    }

    /// The bytes of all names in a directory, as Python writes them.
    private func names(in workspace: Workspace, _ folder: String = ".") throws -> String {
        try Program.run(
            "python3", ["-c", "import os; print(sorted(os.listdir(os.fsencode('\(folder)'))))"],
            directory: workspace.path
        ).output
    }

    @Test func bytesStayBytes() throws {
        let workspace = try workspace()
        let outcome = try workspace.shell(
            """
            e=$(printf '\\351'); exec "$0" "d$e/v$e.mp4" -o "o$e.mp4" --export "o$e.npz" --stats "o$e.csv" \
            --plot "o$e.svg" --weights "w$e.safetensors" --num-heads 3 --resolution 28 -v
            """)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("d\\xE9/v\\xE9.mp4: 64×64"), "\(outcome.errors)")
        #expect(
            try names(in: workspace)
                == "[b'd\\xe9', b'o\\xe9.csv', b'o\\xe9.mp4', b'o\\xe9.npz', b'o\\xe9.svg', b'q\\xe9.png', "
                + "b'w\\xe9.safetensors']\n")
        // Without -y what is there stays, and is called by its name.
        let refused = try workspace.shell(
            "e=$(printf '\\351'); exec \"$0\" \"d$e/v$e.mp4\" -o \"o$e.mp4\" --resolution 28 --weights \"w$e.safetensors\" --num-heads 3"
        )
        #expect(
            refused.status == 73
                && refused.errors
                    == "vitvideo: cannot create o\\xE9.mp4: it exists already; use --overwrite to replace it\n"
        )
        let missing = try workspace.shell("exec \"$0\" \"$(printf 'no\\351.mp4')\" -o out.mp4")
        #expect(
            missing.status == 66
                && missing.errors == "vitvideo: cannot read no\\xE9.mp4: No such file or directory\n")
    }

    @Test func segmentsAndPartsKeepTheirBytes() throws {
        let workspace = try workspace()
        let outcome = try workspace.shell(
            """
            e=$(printf '\\351'); exec "$0" "d$e/v$e.mp4" -o "d$e/o$e.mp4" --resume --segment-frames 2 \
            --weights "w$e.safetensors" --num-heads 3 --resolution 28
            """)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let numbered = try workspace.shell(
            """
            e=$(printf '\\351'); "$0" "d$e/v$e.mp4" -o "d$e/n$e-%d.png" --weights "w$e.safetensors" --num-heads 3 \
            --resolution 28 && exec "$0" "d$e/n$e-%d.png" -o back.mp4 --weights "w$e.safetensors" --num-heads 3 \
            --resolution 28 && ls "d$e" | wc -l
            """)
        #expect(numbered.status == 0, "\(numbered.errors)")
        #expect(try MediaProbe(workspace.file("back.mp4")).frameTimes().count == 3)
    }

    @Test func reportsShowTheBytes() throws {
        let workspace = try workspace()
        let outcome = try workspace.shell(
            """
            e=$(printf '\\351'); exec "$0" probe "d$e" "q$e.png" -o "r$e" --weights "w$e.safetensors" --num-heads 3 \
            --resolution 28 --only distance,heads && cat "r$e/index.html"
            """)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let page = try workspace.shell("cat \"$(printf 'r\\351')\"/index.html")
        #expect(page.output.contains("p\\xE9.png") && page.output.contains("q\\xE9.png"))
        let list = try workspace.shell("tail -1 \"$(printf 'r\\351')\"/arrays/pictures.txt | od -An -c")
        #expect(list.output.contains("q 351   .   p   n   g"), "\(list.output)")
    }

    /// A cache directory is a name too.
    @Test func theModelCacheMayHaveAnyName() throws {
        let workspace = try Workspace()
        let outcome = try workspace.shell(
            "VITVIDEO_CACHE=$(printf 'c\\351/d') \"$0\" models path | od -An -c | tr -s ' ' | head -1")
        #expect(outcome.output.hasPrefix(" c 351 / d / d i n o"), "\(outcome.output)")
    }

    /// FFmpeg takes each per cent sign of a pattern for a number's beginning.
    @Test(arguments: ["100%/%d.png", "%d/%d.png", "a%20b/50%-%03d.png", "%%/x%%-%d.png"])
    func perCentSignsStandForThemselves(_ pattern: String) throws {
        let workspace = try Workspace()
        let folder = String(pattern.split(separator: "/")[0])
        try FileManager.default.createDirectory(
            atPath: workspace.file(folder), withIntermediateDirectories: false)
        let settings = MethodCommandTests.tiny + ["--resolution", "28"]
        let clip = try workspace.run([Workspace.bikes, "-o", pattern, "--frames", ":3"] + settings)
        #expect(clip.status == 0, "\(clip.errors)")
        let outcome = try workspace.run([pattern, "-o", "out.mp4"] + settings)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try MediaProbe(workspace.file("out.mp4")).frameTimes().count == 3)
        let probe = try workspace.run(
            ["probe", folder, "-o", "report", "--only", "distance"] + settings)
        #expect(probe.status == 0, "\(probe.errors)")
    }

    /// An accent that follows a slash or a number is a part of the name.
    @Test func combiningAccentsDoNotHideASlash() throws {
        let workspace = try Workspace()
        try FileManager.default.createDirectory(
            atPath: workspace.file("a"), withIntermediateDirectories: false)
        let settings = MethodCommandTests.tiny + ["--resolution", "28"]
        let clip = try workspace.run(
            [Workspace.bikes, "-o", "a/\u{301}%d\u{301}.png", "--frames", ":3"] + settings)
        #expect(clip.status == 0, "\(clip.errors)")
        let outcome = try workspace.run(["a/\u{301}%d\u{301}.png", "-o", "a/\u{301}.mp4"] + settings)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try MediaProbe(workspace.file("a/\u{301}.mp4")).frameTimes().count == 3)
    }
}
