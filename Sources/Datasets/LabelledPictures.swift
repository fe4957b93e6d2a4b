import Base
import Files
import Pixels

/// Pictures and their classes, with the parts that their source divides them into.
package struct LabelledPictures: Sendable {
    /// What they were read from.
    package enum Format: String, Sendable, Hashable {
        case classFolders = "folders of classes"
        case cifar10 = "CIFAR-10"
        case cifar100 = "CIFAR-100"
        case arrays = "arrays of an npz"
    }

    /// Places in `pictures` and `labels`.
    package struct Parts: Sendable, Hashable {
        package var training: Range<Int>
        /// What the source itself keeps for validation, and for a test; nil where it does not.
        package var validation: Range<Int>?
        package var test: Range<Int>?
    }

    package let path: String
    package let format: Format
    package let classNames: [String]
    package let pictures: any PictureStore
    /// The class of each picture.
    package let labels: [Int32]
    package let parts: Parts
    /// What is amiss though it can be used, a line each: damaged pictures that were left out, classes without
    /// pictures, pictures that are decoded in every epoch for want of memory.
    package let warnings: [String]

    /// How pictures are read.
    package struct Options: Sendable {
        /// Pixels that the short side of pictures in files is brought to where it is longer.
        package var shortSide: Int
        /// Bytes that decoded pictures in files may take; those beyond are decoded whenever they are needed.
        package var budgetBytes: Int
        /// Threads that decode pictures in files.
        package var threads: Int
        /// Whether a damaged picture is an error; otherwise it is left out with a warning.
        package var isStrict: Bool

        package init(
            shortSide: Int, budgetBytes: Int = Self.standardBudgetBytes,
            threads: Int = Allocation.current.cores, isStrict: Bool = false
        ) {
            self.shortSide = shortSide
            self.budgetBytes = budgetBytes
            self.threads = threads
            self.isStrict = isStrict
        }

        /// A quarter of the memory that is to be had, 1 GiB where nothing is known of it.
        package static var standardBudgetBytes: Int {
            (Allocation.current.availableBytes() ?? 4 << 30) / 4
        }
    }

    /// Finds out what lies at a path, and reads it: a folder with a folder for each class, also within `train`, `val` and
    /// `test`; CIFAR-10 or CIFAR-100 in their binary or Python version, unpacked or as the published archives; an npz of
    /// images and labels.
    ///
    /// - Throws: `VitvideoError`: `noInput` where there is nothing of the kind, `badData` where it is damaged or cannot be
    ///   trained on, `unavailable` where a decoder is lacking.
    package static func open(_ path: String, _ options: Options) throws -> LabelledPictures {
        guard FileSystem.exists(path) else {
            throw VitvideoError(.noInput, cannot: "read", path: path, reason: "No such file or directory")
        }
        if FileSystem.isDirectory(path) {
            if let files = CIFARFiles(directory: path) { return try files.pictures() }
            return try ClassFolders(path).pictures(options)
        }
        let start = try MappedFile.open(path).withBytes { Array($0.prefix(512)) }
        if start.starts(with: Array("PK".utf8)) { return try ArraysFile.pictures(in: path) }
        if start.starts(with: [0x1f, 0x8b]) || start.withUnsafeBytes(TarArchive.looksLikeOne) {
            return try CIFARFiles(archive: path).pictures()
        }
        throw VitvideoError(
            .badData, cannot: "train on", path: path,
            reason: "it is neither an npz nor a tar archive of CIFAR",
            nextStep: .advice(
                "give a folder with a folder of pictures for each class, CIFAR-10 or CIFAR-100, "
                    + "or an npz of images and labels"))
    }

    /// - Throws: `VitvideoError` of kind `badData` where there is no picture to train on, one class only, or a label that
    ///   is no class.
    init(
        path: String, format: Format, classNames: [String], pictures: any PictureStore, labels: [Int32],
        parts: Parts, warnings: [String]
    ) throws {
        precondition(pictures.count == labels.count, "each picture has its label")
        func refusal(_ reason: String, _ advice: String) -> VitvideoError {
            VitvideoError(
                .badData, cannot: "train on", path: path, reason: reason, nextStep: .advice(advice))
        }
        if let wrong = labels.firstIndex(where: { !classNames.indices.contains(Int($0)) }) {
            throw refusal(
                "the label \(labels[wrong]) of picture \(wrong) is out of range: "
                    + "there are \(classNames.count) classes", "labels count from 0")
        }
        guard !parts.training.isEmpty else {
            throw refusal("there is no picture to train on", "add pictures")
        }
        let present = Set(labels[parts.training])
        guard present.count > 1 else {
            throw refusal(
                "there is one class only, \(quoted(classNames[Int(labels[parts.training.lowerBound])]))",
                "add pictures of another")
        }
        let absent = classNames.indices.filter { !present.contains(Int32($0)) }
        var warnings = warnings
        if !absent.isEmpty {
            let named = absent.prefix(5).map { quoted(classNames[$0]) }.joined(separator: ", ")
            warnings.append(
                "\(path): no picture to train on is of class \(named)\(absent.count > 5 ? ", …" : "")")
        }
        (self.path, self.format, self.classNames) = (path, format, classNames)
        (self.pictures, self.labels, self.parts, self.warnings) = (pictures, labels, parts, warnings)
    }
}
