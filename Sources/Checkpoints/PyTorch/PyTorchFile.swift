enum PyTorchLegacyLayout {
    static let signature: [UInt8] = [
        0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
    ]
}
struct PyTorchFile: TensorSource {
    let tensors: [(name: String, description: TensorDescription)] = []
    let key: String? = nil
    init(archive: ZipArchive, key: String?) throws { throw FormatError.unsupported("it is a PyTorch file") }
    init(legacy: MappedFile, key: String?) throws { throw FormatError.unsupported("it is a PyTorch file") }
    func floats(_ index: Int) throws -> [Float] { [] }
}
