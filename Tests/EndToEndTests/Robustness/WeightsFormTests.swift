import Fixtures
import Foundation
import NumPy
import Testing

extension Robustness {
    /// One model under many keys and prefixes, alone and beside others, plain and in archives: always the same numbers.
    @Suite struct WeightsForms {
        /// Writes `w.safetensors` or `w.npz` of the tensors in a safetensors file, each copy under a prefix and times a
        /// factor, besides tensors that no backbone has. Python's own libraries make the archive.
        private static let script = #"""
            import array, io, json, struct, sys, zipfile
            source, target, prefixes = sys.argv[1], sys.argv[2], [p.split("=") for p in sys.argv[3].split(",")]
            data = open(source, "rb").read()
            length = struct.unpack("<Q", data[:8])[0]
            header, body = json.loads(data[8:8 + length]), data[8 + length:]
            tensors = {}
            for prefix, factor in prefixes:
                for name, entry in header.items():
                    if name == "__metadata__": continue
                    values = array.array("f", body[slice(*entry["data_offsets"])])
                    if float(factor) != 1: values = array.array("f", [v * float(factor) for v in values])
                    tensors[prefix + name] = (entry["shape"], values.tobytes())
            for name, shape in [("decoder_embed.weight", [8, 8]), ("mask_token", [1, 1, 48]), ("loss.center", [1, 16]),
                                ("projector.0.weight", [4, 4])]:
                count = 1
                for side in shape: count *= side
                tensors[name] = (shape, array.array("f", [0.5] * count).tobytes())
            if target.endswith(".npz"):
                with zipfile.ZipFile(target, "w") as archive:
                    for name, (shape, bytes) in tensors.items():
                        text = repr({"descr": "<f4", "fortran_order": False, "shape": tuple(shape)}) + "\n"
                        archive.writestr(name + ".npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text))
                                         + text.encode() + bytes)
            else:
                entries, place = {}, 0
                for name, (shape, bytes) in tensors.items():
                    entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [place, place + len(bytes)]}
                    place += len(bytes)
                text = json.dumps(entries).encode()
                with open(target, "wb") as file:
                    file.write(struct.pack("<Q", len(text)) + text)
                    for _, bytes in tensors.values(): file.write(bytes)
            """#

        /// Prefixes and factors of the copies. The one that is meant has the factor 1.
        static let copies: [String] = {
            let alone = [
                "", "module.", "backbone.", "model.", "encoder.", "vit.", "student.", "teacher.backbone.",
                "state_dict.module.model.", "net.trunk.0.", "x.y.z.w.v.", "image_encoder.model.", "ema.",
                "optimizer_copy.", "module.student_net.", "a_b-c.", "Ünï.", "model.backbone._orig_mod.",
            ].map { "\($0)=1" }
            let pairs = [
                ("teacher.", "student."), ("ema.", "model."), ("model_ema.", "model."),
                ("base_encoder.", "momentum_encoder."), ("target_encoder.", "encoder."), ("", "student."),
                ("module.teacher.backbone.", "module.student.backbone."), ("state_dict_ema.", "state_dict."),
                ("model.", "optimizer."), ("swa.", ""), ("first.", "second."),
            ]
            // Whichever stands first in the file; of equals the first is meant.
            return alone
                + pairs.flatMap { meant, other in
                    ["\(meant)=1,\(other)=0.5"] + (other == "second." ? [] : ["\(other)=0.5,\(meant)=1"])
                }
        }()

        @Test(arguments: ["safetensors", "npz"]) func giveTheSame(ending: String) throws {
            let workspace = try Workspace()
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-frames:v", "1", "in.mkv")
            func attention(_ weights: String) throws -> (values: [Float], outcome: Program.Outcome) {
                let outcome = try workspace.run([
                    "in.mkv", "--export", "out.npz", "-y", "--resolution", "56", "--weights", weights,
                    "--num-heads", "3", "--family", "dino",
                ])
                guard outcome.status == 0 else { return ([], outcome) }
                return (try NPZReader(workspace.file("out.npz")).array("attention").floats(), outcome)
            }
            let plain = Golden.path("plain", "weights")
            let expected = try attention(plain).values
            try #require(Set(expected).count > 10, "the attention is not flat")
            for copies in RobustnessTable.choose(Self.copies, short: 8) {
                let made = try Program.run(
                    "python3", ["-c", Self.script, plain, "w.\(ending)", copies], directory: workspace.path)
                try #require(made.status == 0, "\(made.errors)")
                tryCase("weights: one model under many names") {
                    let (values, outcome) = try attention("w.\(ending)")
                    guard outcome.status == 0 else { return "\(copies): \(outcome.errors)" }
                    guard values == expected else { return "\(copies): other numbers; \(outcome.errors)" }
                    let tells = outcome.errors.contains("several models")
                    let isOnePlain = !copies.contains(",") || copies.contains("optimizer.")
                    return tells == !isOnePlain ? nil : "\(copies): \(outcome.errors)"
                }
            }
        }
    }
}
