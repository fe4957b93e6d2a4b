import Base
import Files

/// Tells formats apart by their first bytes, and names the wrong files that people most often have in place of
/// weights.
enum FormatSniffer {
    static func format(of file: MappedFile) throws -> Checkpoint.Format {
        let format = try file.withBytes { bytes -> Checkpoint.Format? in
            if begins(bytes, [0x50, 0x4b, 0x03, 0x04]) || begins(bytes, [0x50, 0x4b, 0x05, 0x06]) {
                return nil
            }
            if begins(bytes, PyTorchLegacyLayout.signature) { return .pyTorchLegacy }
            if try SafetensorsHeader.looksLikeOne(bytes) { return .safetensors }
            if let reason = wrongFile(bytes) { throw reason }
            if ONNXFile.looksLikeOne(bytes) { return .onnx }
            throw VitvideoError.badData(
                "it is neither safetensors, PyTorch, NumPy npz nor ONNX, or its beginning is damaged")
        }
        return try format ?? zipFormat(file.path)
    }

    /// PyTorch's and NumPy's archives are both zip files; their entries' names tell which.
    private static func zipFormat(_ path: String) throws -> Checkpoint.Format {
        let archive = try ZipArchive.open(path)
        let names = archive.entries.map(\.name)
        if names.contains(where: { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }) { return .pyTorchZip }
        if names.contains(where: { $0.hasSuffix(".npy") }) { return .npz }
        throw VitvideoError.badData("it is a zip archive without a PyTorch pickle or NumPy arrays")
    }

    private static func wrongFile(_ bytes: UnsafeRawBufferPointer) -> VitvideoError? {
        if begins(bytes, Array("version https://git-lfs".utf8)) {
            return VitvideoError.badData(
                "it is a Git LFS pointer, not the weights", nextStep: "run 'git lfs pull'")
        }
        let head = String(decoding: bytes.prefix(64), as: UTF8.self).lowercased()
        if head.contains("<!doctype") || head.contains("<html") || head.hasPrefix("<?xml") {
            return VitvideoError.badData("it is a web page, not weights", nextStep: "download it again")
        }
        if begins(bytes, [0x89, 0x48, 0x44, 0x46]) {
            return VitvideoError.badData("it is an HDF5 file", nextStep: "save the weights as safetensors")
        }
        if begins(bytes, Array("\u{93}NUMPY".unicodeScalars.map { UInt8($0.value) })) {
            return VitvideoError.badData(
                "it is a single NumPy array without a name", nextStep: "save it with numpy.savez")
        }
        if bytes.count > 262, bytes[257..<262].elementsEqual("ustar".utf8) {
            return VitvideoError.badData(
                "it is a tar archive", nextStep: "load and save it with a newer PyTorch")
        }
        if begins(bytes, [0x80]) {
            return VitvideoError.badData("it is a pickle that torch.save did not write")
        }
        return nil
    }

    private static func begins(_ bytes: UnsafeRawBufferPointer, _ start: [UInt8]) -> Bool {
        bytes.count >= start.count && bytes[..<start.count].elementsEqual(start)
    }
}
