import Base
import Checkpoints
import Files
import NumPy

/// CIFAR-10 and CIFAR-100 as their authors publish them, in the binary or the Python version. The classes of CIFAR-100 are the
/// hundred fine ones. https://www.cs.toronto.edu/~kriz/cifar.html
struct CIFARFiles {
    /// A version of one of the two, and what it calls its files.
    private struct Version {
        let format: LabelledPictures.Format
        let isBinary: Bool
        /// Its folder in the published archive.
        let folder: String
        let training: [String]
        let test: String
        let names: String

        var classCount: Int { format == .cifar10 ? 10 : 100 }
        /// Labels before the pixels of a binary record, the one of the class last.
        var labelBytes: Int { format == .cifar10 ? 1 : 2 }

        static let all = [
            Version(
                format: .cifar10, isBinary: true, folder: "cifar-10-batches-bin",
                training: (1...5).map { "data_batch_\($0).bin" }, test: "test_batch.bin",
                names: "batches.meta.txt"),
            Version(
                format: .cifar10, isBinary: false, folder: "cifar-10-batches-py",
                training: (1...5).map { "data_batch_\($0)" }, test: "test_batch", names: "batches.meta"),
            Version(
                format: .cifar100, isBinary: true, folder: "cifar-100-binary", training: ["train.bin"],
                test: "test.bin", names: "fine_label_names.txt"),
            Version(
                format: .cifar100, isBinary: false, folder: "cifar-100-python", training: ["train"],
                test: "test", names: "meta"),
        ]
    }

    private let files: NamedFiles
    private let version: Version

    private static let side = 32
    private static let pictureBytes = 3 * side * side

    /// - Returns: nil where the directory holds none of the versions, itself or in the folder of the published archive.
    init?(directory path: String) {
        for version in Version.all {
            for folder in [path, "\(path)/\(version.folder)"] {
                let files = NamedFiles(directory: folder)
                guard version.training.contains(where: files.contains) else { continue }
                (self.files, self.version) = (files, version)
                return
            }
        }
        return nil
    }

    /// - Throws: `VitvideoError` where it cannot be read, or holds none of the versions.
    init(archive path: String) throws {
        let files = try NamedFiles(archive: path)
        guard let version = Version.all.first(where: { $0.training.contains(where: files.contains) }) else {
            throw VitvideoError(
                .badData, cannot: "train on", path: path, reason: "it is no archive of CIFAR",
                nextStep: .advice("unpack it, and give a folder with a folder of pictures for each class"))
        }
        (self.files, self.version) = (files, version)
    }

    /// - Throws: `VitvideoError` where a file is damaged.
    func pictures() throws -> LabelledPictures {
        let present = version.training.filter(files.contains)
        var warnings: [String] = []
        if present.count < version.training.count {
            let missing = version.training.filter { !present.contains($0) }.joined(separator: ", ")
            warnings.append("\(files.path): \(missing) is not there; the rest is trained on")
        }
        let hasTest = files.contains(version.test)
        let batches = try (present + (hasTest ? [version.test] : [])).map(batch)
        let training = batches.prefix(present.count).reduce(0) { $0 + $1.labels.count }
        let labels = batches.flatMap(\.labels)
        return try LabelledPictures(
            path: files.path, format: version.format, classNames: try classNames(),
            pictures: JoinedPictures(batches.map(\.pictures)), labels: labels,
            parts: .init(training: 0..<training, test: hasTest ? training..<labels.count : nil),
            warnings: warnings)
    }

    /// The pictures and labels in one of the files.
    private func batch(_ name: String) throws -> (pictures: ArrayPictures, labels: [Int32]) {
        try files.withBytes(name) { bytes in
            let (pictures, labels) = try version.isBinary ? binary(bytes) : pickled(bytes)
            if let wrong = labels.firstIndex(where: { !(0..<version.classCount).contains($0) }) {
                throw VitvideoError.badData(
                    "the label \(labels[wrong]) of picture \(wrong) is out of range: there are "
                        + "\(version.classCount) classes", nextStep: "get the file again")
            }
            return (pictures, labels.map(Int32.init))
        }
    }

    /// Records of labels and a picture, a byte a value.
    private func binary(_ bytes: UnsafeRawBufferPointer) throws -> (ArrayPictures, [Int]) {
        let record = version.labelBytes + Self.pictureBytes
        guard bytes.count % record == 0 else {
            throw VitvideoError.badData(
                "\(bytes.count) bytes are no whole pictures of \(record)", nextStep: "get the file again")
        }
        let labels = stride(from: version.labelBytes - 1, to: bytes.count, by: record).map { Int(bytes[$0]) }
        let pictures = ArrayPictures(
            height: Self.side, width: Self.side, layout: .planar, bytes: Array(bytes),
            offset: version.labelBytes)
        return (pictures, labels)
    }

    /// A dictionary of `data`, pictures × 3072, and `labels` or `fine_labels`.
    private func pickled(_ bytes: UnsafeRawBufferPointer) throws -> (ArrayPictures, [Int]) {
        let fields = try PickledRecord.fields(bytes)
        guard case .array(let data)? = fields["data"], data.element == .number(.uint8),
            data.shape.count == 2, data.shape[1] == Self.pictureBytes
        else { throw VitvideoError.badData("it holds no 'data' of \(Self.pictureBytes) bytes a picture") }
        let name = version.format == .cifar10 ? "labels" : "fine_labels"
        guard case .integers(let labels)? = fields[name] else {
            throw VitvideoError.badData("it holds no '\(name)' that are whole numbers")
        }
        guard labels.count == data.shape[0] else {
            throw VitvideoError.badData("it holds \(data.shape[0]) pictures and \(labels.count) labels")
        }
        let pictures = ArrayPictures(
            height: Self.side, width: Self.side, layout: .planar, bytes: data.bytes)
        return (pictures, labels)
    }

    /// The names in the file beside the pictures; numbers where there is none.
    private func classNames() throws -> [String] {
        guard files.contains(version.names) else { return (0..<version.classCount).map(String.init) }
        let names: [String]
        if version.isBinary {
            names = try files.lines(version.names)
        } else {
            let fields = try files.withBytes(version.names) { try PickledRecord.fields($0) }
            let name = version.format == .cifar10 ? "label_names" : "fine_label_names"
            guard case .texts(let texts)? = fields[name] else {
                throw VitvideoError(
                    .badData, cannot: "read", path: "\(files.path)/\(version.names)",
                    reason: "it holds no '\(name)'")
            }
            names = texts
        }
        guard names.count == version.classCount else {
            throw VitvideoError(
                .badData, cannot: "read", path: "\(files.path)/\(version.names)",
                reason: "it holds \(names.count) names, not \(version.classCount)")
        }
        return names
    }
}
