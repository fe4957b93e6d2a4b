import Fixtures
import Foundation
import Testing

extension Robustness {
    /// Small weights files that claim to be huge: refused in one line, and never believed so far as to allocate
    /// what they claim.
    @Suite struct LyingWeights {
        /// Writes the files; Python's own libraries make the archives.
        private static let script = #"""
            import io, struct, zipfile

            def write(name, data):
                with open(name, "wb") as file: file.write(data)

            def header(text, length=None, tail=b""):
                data = text.encode()
                return struct.pack("<Q", len(data) if length is None else length) + data + tail

            def tensor(shape, begin, end, kind="F32"):
                return '{"w":{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}}' % (kind, shape, begin, end)

            write("length.safetensors", header("{}", 99_000_000, b" " * 64))
            write("length63.safetensors", header("{}", 2**63 - 1))
            write("product.safetensors", header(tensor([2**32, 2**32], 0, 0)))
            write("product2.safetensors", header(tensor([2**40], 0, 2**42), tail=b"\0" * 16))
            write("wrap.safetensors", header(tensor([2**62 + 1], 0, 4), tail=b"\0" * 4))
            write("nested.safetensors", header('{"__metadata__":{"a":' + "[" * 100_000 + "}}"))

            def npz(name, content, compression=zipfile.ZIP_STORED, entry="w.npy"):
                with zipfile.ZipFile(name, "w", compression) as archive: archive.writestr(entry, content)

            def npy(shape, data=b""):
                text = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }\n" % (shape,)
                return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data

            npz("product.npz", npy((2**40, 2**40)))
            npz("claim.npz", npy((2**34,), b"\0" * 16))
            npz("bomb.npz", npy((64_000_000,), b"\0" * 256_000_000), zipfile.ZIP_DEFLATED)
            npz("bomb.pth", b"\x80\x02" + b"N" * 256_000_000 + b".", zipfile.ZIP_DEFLATED, "a/data.pkl")
            npz("string.pth", b"\x80\x02X\xff\xff\xff\x7f.", entry="a/data.pkl")
            npz("memo.pth", b"\x80\x02" + b"]q\x00" + b"h\x00" * 2_000_000 + b".", zipfile.ZIP_DEFLATED, "a/data.pkl")
            storage = (b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0" + b"0X\x03\0\0\0cpu"
                       + b"\x8a\x08" + struct.pack("<q", 2**60) + b"tQ")
            npz("storage.pth", b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(" + storage
                + b"K\0\x8a\x08" + struct.pack("<q", 2**60) + b"\x85K\x01\x85\x89}tRs.", entry="a/data.pkl")

            def varint(value):
                out = b""
                while value > 127: out, value = out + bytes([value & 127 | 128]), value >> 7
                return out + bytes([value])

            def field(number, data): return varint(number << 3 | 2) + varint(len(data)) + data

            def onnx(initializer): return b"\x08\x08" + field(7, field(5, initializer)) + field(8, b"\x10\x11")

            dims = b"\x08" + varint(2**40) + b"\x08" + varint(2**40)
            write("product.onnx", onnx(dims + b"\x10\x01" + field(8, b"w")))
            write("claim.onnx", onnx(b"\x08" + varint(2**34) + b"\x10\x01" + field(8, b"w") + field(9, b"\0" * 16)))
            write("length.onnx", b"\x08\x08" + varint(7 << 3 | 2) + varint(2**62))
            """#

        static let names = [
            "length.safetensors", "length63.safetensors", "product.safetensors", "product2.safetensors",
            "wrap.safetensors", "nested.safetensors", "product.npz", "claim.npz", "bomb.npz", "bomb.pth",
            "string.pth", "memo.pth", "storage.pth", "product.onnx", "claim.onnx", "length.onnx",
        ]

        /// KiB beyond what the program takes to refuse an empty file.
        static let allowance = 96 * 1024

        @Test func areNotBelieved() throws {
            let workspace = try Workspace()
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-frames:v", "1", "in.mkv")
            let outcome = try Program.run("python3", ["-c", Self.script], directory: workspace.path)
            try #require(outcome.status == 0, "\(outcome.errors)")
            try workspace.write("nothing".utf8, to: "empty.pth")
            let usual = try refusal("empty.pth", in: workspace).peak
            for name in Self.names {
                tryCase("weights: sizes that lie") {
                    let (outcome, peak) = try refusal(name, in: workspace)
                    guard outcome.status == 65, outcome.errorLines.count == 1 else {
                        return "\(name): exit code \(outcome.status); \(outcome.errors)"
                    }
                    return peak <= usual + Self.allowance ? nil : "\(name): \(peak) KiB, usually \(usual)"
                }
            }
        }

        /// Runs the program on weights, and says how much memory it took in KiB.
        ///
        /// It is asked for from a small process between: what the kernel reports for a child begins with the size
        /// of the process that started it, and the tests' own is large.
        private func refusal(_ name: String, in workspace: Workspace) throws -> (
            outcome: Program.Outcome, peak: Int
        ) {
            let script = """
                import resource, subprocess, sys
                status = subprocess.call(sys.argv[1:])
                print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
                sys.exit(status if status >= 0 else 128 - status)
                """
            let outcome = try Program.run(
                "python3",
                [
                    "-c", script, Workspace.binary, "in.mkv", "--export", "out.npz", "--weights", name,
                    "--num-heads", "3",
                ],
                environment: Workspace.cleared, directory: workspace.path)
            return (outcome, try #require(Int(outcome.output.split(separator: "\n").last ?? "")))
        }
    }
}
