import Base
import Files
import Fixtures
import Foundation
import Pixels
import Testing

@testable import Datasets

/// CIFAR's files, made byte by byte.
enum CIFAR {
    /// The samples of a picture: red, green and blue are a thousand values each.
    static func picture(_ number: Int) -> [UInt8] {
        (0..<3).flatMap { channel in
            (0..<1024).map { UInt8(truncatingIfNeeded: number * 7 + channel * 100 + $0) }
        }
    }

    static func image(_ number: Int) -> RGBImage {
        let samples = picture(number)
        return RGBImage(
            height: 32, width: 32, bytes: (0..<3072).map { samples[$0 % 3 * 1024 + $0 / 3] })
    }

    /// A file of the binary version.
    static func binary(_ numbers: Range<Int>, label: (Int) -> [UInt8]) -> [UInt8] {
        numbers.flatMap { label($0) + picture($0) }
    }

    /// A pickle as Python 2 wrote CIFAR's, of protocol 2, whose strings hold text and bytes alike.
    static func pickle(_ numbers: Range<Int>, labels: String, label: (Int) -> Int) -> [UInt8] {
        var pickle: [UInt8] = [0x80, 2] + Array("}q\u{1}(".utf8)
        func text(_ text: String) {
            pickle += [UInt8(ascii: "U"), UInt8(text.utf8.count)] + Array(text.utf8)
        }
        func number(_ value: Int) {
            pickle += [UInt8(ascii: "M"), UInt8(value & 0xff), UInt8(value >> 8)]
        }
        text("data")
        pickle += Array(
            "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\u{85}".unicodeScalars.map {
                UInt8($0.value)
            })
        text("b")
        // The arguments' tuple, and the call; then the state.
        pickle += [0x87, UInt8(ascii: "R"), UInt8(ascii: "("), UInt8(ascii: "K"), 1]
        number(numbers.count)
        number(3072)
        pickle += [0x86] + Array("cnumpy\ndtype\n".utf8)
        text("u1")
        pickle +=
            Array("K\0K\u{1}".utf8) + [0x87, UInt8(ascii: "R"), UInt8(ascii: "("), UInt8(ascii: "K"), 3]
        text("|")
        pickle += Array("NNNJ".utf8) + [0xff, 0xff, 0xff, 0xff, UInt8(ascii: "J"), 0xff, 0xff, 0xff, 0xff]
        pickle += Array("K\0tb".utf8) + [0x89]
        let data = numbers.flatMap(picture)
        pickle += [UInt8(ascii: "T")] + ZipBuilder.bytes(UInt32(data.count)) + data + Array("tb".utf8)
        text(labels)
        pickle += Array("](".utf8)
        for value in numbers { number(label(value)) }
        pickle += Array("eu.".utf8)
        return pickle
    }

    /// A dictionary of one list of texts.
    static func names(_ field: String, _ names: [String]) -> [UInt8] {
        func text(_ text: String) -> [UInt8] {
            [UInt8(ascii: "U"), UInt8(text.utf8.count)] + Array(text.utf8)
        }
        return [0x80, 2] + Array("}".utf8) + text(field) + Array("](".utf8) + names.flatMap(text)
            + Array("es.".utf8)
    }

    static let ten = (0..<10).map { "name \($0)" }
    static let hundred = (0..<100).map { "fine \($0)" }
}

@Suite struct CIFARTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// The files of a version by their names: five training batches of 20 pictures or one of 100, and a test of 20.
    private static func files(_ version: String) -> [(name: String, bytes: [UInt8])] {
        let isTen = version.hasPrefix("cifar-10-")
        let isBinary = version == "cifar-10-batches-bin" || version == "cifar-100-binary"
        func batch(_ numbers: Range<Int>) -> [UInt8] {
            switch (isTen, isBinary) {
            case (true, true): CIFAR.binary(numbers) { number in [UInt8(number % 10)] }
            case (false, true): CIFAR.binary(numbers) { number in [UInt8(number % 20), UInt8(number % 100)] }
            case (true, false): CIFAR.pickle(numbers, labels: "labels") { number in number % 10 }
            case (false, false): CIFAR.pickle(numbers, labels: "fine_labels") { number in number % 100 }
            }
        }
        let ending = isBinary ? ".bin" : ""
        var files: [(name: String, bytes: [UInt8])] = []
        if isTen {
            for number in 0..<5 {
                let start = number * 20
                files.append(("data_batch_\(number + 1)\(ending)", batch(start..<(start + 20))))
            }
            files.append(("test_batch\(ending)", batch(100..<120)))
        } else {
            files.append(("train\(ending)", batch(0..<100)))
            files.append(("test\(ending)", batch(100..<120)))
        }
        let names = isTen ? CIFAR.ten : CIFAR.hundred
        if isBinary {
            let text = Array((names.joined(separator: "\n") + "\n\n").utf8)
            files.append((isTen ? "batches.meta.txt" : "fine_label_names.txt", text))
        } else {
            let field = isTen ? "label_names" : "fine_label_names"
            files.append((isTen ? "batches.meta" : "meta", CIFAR.names(field, names)))
        }
        return files
    }

    private static let versions = [
        "cifar-10-batches-bin", "cifar-10-batches-py", "cifar-100-binary", "cifar-100-python",
    ]

    private func write(_ version: String) throws -> String {
        for (name, bytes) in Self.files(version) { try directory.bytes(bytes, at: "data/\(version)/\(name)") }
        return directory.file("data/\(version)")
    }

    private func check(_ pictures: LabelledPictures, _ version: String) throws {
        let isTen = version.hasPrefix("cifar-10-")
        #expect(pictures.format == (isTen ? .cifar10 : .cifar100))
        #expect(pictures.classNames == (isTen ? CIFAR.ten : CIFAR.hundred))
        #expect(pictures.parts == .init(training: 0..<100, test: 100..<120))
        #expect(pictures.labels == (0..<120).map { Int32($0 % (isTen ? 10 : 100)) })
        for number in [0, 19, 20, 99, 100, 119] {
            #expect(try pictures.pictures.picture(number) == CIFAR.image(number))
        }
        #expect(pictures.warnings.isEmpty)
    }

    @Test(arguments: versions)
    func everyVersionIsReadFromItsFolderAndFromTheOneAbove(version: String) throws {
        let path = try write(version)
        try check(try LabelledPictures.open(path, options), version)
        try check(try LabelledPictures.open(path.parentPath, options), version)
    }

    @Test(arguments: versions)
    func everyVersionIsReadFromItsArchive(version: String) throws {
        var builder = TarBuilder()
        builder.add("\(version)/", [], kind: "5")
        for (name, bytes) in Self.files(version) { builder.add("\(version)/\(name)", bytes, folders: nil) }
        try directory.write(builder.archive(), to: "cifar.tar")
        try check(try LabelledPictures.open(directory.file("cifar.tar"), options), version)
        try run("gzip", "-k", directory.file("cifar.tar"))
        try check(try LabelledPictures.open(directory.file("cifar.tar.gz"), options), version)
    }

    private func run(_ program: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test func whatPython3WritesIsRead() throws {
        for version in [2, 4, 5] {
            let golden = Fixtures.golden("datasets/data_batch.protocol\(version).pickle").path
            try directory.bytes(try #require(FileSystem.contents(of: golden)), at: "p\(version)/data_batch_1")
            let pictures = try LabelledPictures.open(directory.file("p\(version)"), options)
            #expect(pictures.labels == [3, 0, 9])
            #expect(pictures.classNames == (0..<10).map(String.init))
            #expect(pictures.warnings.count == 2)
            #expect(pictures.warnings[0].contains("data_batch_2, data_batch_3, data_batch_4, data_batch_5"))
        }
    }

    @Test func damageIsOneLineThatNamesTheFile() throws {
        func refused(_ version: String, _ name: String, _ bytes: [UInt8]) throws -> String {
            let path = try write(version)
            try directory.write(bytes, to: "data/\(version)/\(name)")
            let error = refusal(path)
            #expect(error?.kind == .badData && error?.path == "\(path)/\(name)")
            #expect(error?.description.contains("\n") == false)
            return error?.description ?? ""
        }
        #expect(
            try refused(
                "cifar-10-batches-bin", "data_batch_3.bin", CIFAR.binary(0..<2) { _ in [1] }.dropLast()
            )
            .contains("6145 bytes are no whole pictures of 3073"))
        #expect(
            try refused("cifar-10-batches-bin", "test_batch.bin", CIFAR.binary(0..<2) { _ in [10] })
                .contains("the label 10 of picture 0 is out of range: there are 10 classes"))
        #expect(
            try refused("cifar-100-binary", "train.bin", CIFAR.binary(0..<2) { [0, UInt8(99 + $0)] })
                .contains("the label 100 of picture 1 is out of range: there are 100 classes"))
        #expect(
            try refused("cifar-10-batches-bin", "batches.meta.txt", Array("cat\ndog\n".utf8)).contains(
                "it holds 2 names, not 10"))
        #expect(try refused("cifar-10-batches-bin", "data_batch_1.bin", []).contains("the file is empty"))
        #expect(
            try refused("cifar-100-python", "train", CIFAR.names("other", ["a"])).contains("holds no 'data'"))
        #expect(
            try refused("cifar-100-python", "train", CIFAR.pickle(0..<2, labels: "labels") { $0 }).contains(
                "holds no 'fine_labels'"))
        #expect(
            try refused(
                "cifar-10-batches-py", "data_batch_2", CIFAR.pickle(0..<2, labels: "labels") { _ in 300 }
            )
            .contains("the label 300"))
        #expect(
            try refused("cifar-10-batches-py", "batches.meta", CIFAR.names("label_names", ["a"])).contains(
                "it holds 1 names, not 10"))
    }

    @Test func anArchiveOfSomethingElseIsOneLine() throws {
        var builder = TarBuilder()
        builder.add("readme", Array("hello".utf8))
        try directory.write(builder.archive(), to: "other.tar")
        #expect(refusal(directory.file("other.tar"))?.description.contains("no archive of CIFAR") == true)
        try directory.write(Array("hello".utf8), to: "text")
        try run("gzip", directory.file("text"))
        #expect(refusal(directory.file("text.gz"))?.description.contains("it is no tar archive") == true)
        var cut = TarBuilder()
        cut.add("train.bin", CIFAR.binary(0..<2) { _ in [0, 1] })
        try directory.write(cut.archive().prefix(3000), to: "cut.tar")
        #expect(refusal(directory.file("cut.tar"))?.description.contains("it is cut short") == true)
    }
}
