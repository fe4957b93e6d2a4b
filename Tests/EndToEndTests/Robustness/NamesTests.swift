import Base
import Fixtures
import Foundation
import Testing

extension Robustness {
    /// Names of random bytes for all that is read and written.
    @Suite struct Names {
        /// A name of 1 to 12 bytes, as `printf` is to write it; no slash, no zero, and no line break, which would end
        /// the one line of an error.
        private static func name(_ seed: Int) -> String {
            var random = SplitMix64(seed: UInt64(seed))
            return (0..<Int.random(in: 1...12, using: &random)).map { _ in
                var byte = UInt8(ascii: "/")
                while [0, 10, 13, UInt8(ascii: "/")].contains(byte) {
                    byte = UInt8.random(in: 1...255, using: &random)
                }
                return "\\" + String(byte, radix: 8)
            }.joined()
        }

        @Test(arguments: RobustnessTable.choose(Array(1...60), short: 4)) func ofRandomBytes(seed: Int) throws
        {
            let workspace = try Workspace()
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-frames:v", "3", "plain.mp4")
            let run = try workspace.shell(
                """
                n=$(printf '\(Self.name(seed))'); mv plain.mp4 "./$n.in.mp4" && cp "$1" "./$n.safetensors" &&
                w="--num-heads 3 --family dino --resolution 28 --quiet"
                "$0" "./$n.in.mp4" -o "./$n.mp4" --export "./$n.npz" --stats "./$n.csv" --plot "./$n.svg" \
                    --weights "./$n.safetensors" $w &&
                "$0" "./$n.in.mp4" -o "./$n.%d.png" --weights "./$n.safetensors" $w &&
                "$0" "./$n.%d.png" -o "./$n.mkv" --weights "./$n.safetensors" $w || exit
                for e in in.mp4 mp4 npz csv svg safetensors 1.png 2.png 3.png mkv; do
                    test -s "./$n.$e" || { echo "no $e" >&2; exit 1; }
                done
                "$0" "./$n.in.mp4" -o "./$n.mp4" --weights "./$n.safetensors" $w
                test $? = 73
                """, arguments: [Golden.path("plain", "weights")])
            tryCase("names: of random bytes") {
                // The one line is that of the output that exists already.
                guard run.status == 0, run.errorLines.count == 1 else {
                    return "seed \(seed): exit code \(run.status); \(run.errors)"
                }
                let count = try workspace.contents.count
                return count == 10 ? nil : "seed \(seed): \(count) files"
            }
        }
    }
}
