import Base
import Files
import Fixtures
import Foundation
import Pixels
import Testing
import VideoIO

@testable import Datasets

@Suite struct ClassFolderTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Writes `data/CLASS/N.png` for each count.
    private func write(_ classes: [(name: String, count: Int)], in folder: String = "data") throws -> String {
        var number = 0
        for (name, count) in classes {
            for index in 0..<count {
                try directory.picture(plainPicture(number), at: "\(folder)/\(name)/\(index).png")
                number += 1
            }
        }
        return directory.file(folder)
    }

    @Test func classesAreInTheOrderOfTheirNamesBytes() throws {
        let path = try write([("b", 1), ("a", 1), ("B", 1), ("10", 1), ("9", 1), ("é", 1)])
        try directory.picture(plainPicture(9), at: "data/.hidden/0.png")
        let pictures = try LabelledPictures.open(path, options)
        // As Python's `sorted` has them.
        #expect(pictures.classNames == ["10", "9", "B", "a", "b", "é"])
        #expect(pictures.labels == [0, 1, 2, 3, 4, 5])
        #expect(try pictures.pictures.picture(4) == plainPicture(0))
        #expect(pictures.format == .classFolders && pictures.warnings.isEmpty)
        #expect(try LabelledPictures.open(path + "/", options).labels == pictures.labels)
    }

    @Test func picturesLieAtAnyDepthAndBehindLinks() throws {
        let path = try write([("cat", 2), ("dog", 1)])
        try directory.picture(plainPicture(40), at: "data/cat/more/deep.jpg.png")
        try directory.bytes(Array("notes".utf8), at: "data/cat/notes.txt")
        try directory.picture(plainPicture(50), at: "elsewhere/1.png")
        try FileManager.default.createSymbolicLink(
            atPath: path + "/emu", withDestinationPath: directory.file("elsewhere"))
        let pictures = try LabelledPictures.open(path, options)
        #expect(pictures.classNames == ["cat", "dog", "emu"])
        #expect(pictures.labels == [0, 0, 0, 1, 2])
        #expect(try pictures.pictures.picture(2) == plainPicture(40))
        #expect(try pictures.pictures.picture(4) == plainPicture(50))
    }

    @Test(arguments: ["val", "validation", "valid"])
    func partsAreUsedWhereThereAre(validation: String) throws {
        let path = try write([("cat", 3), ("dog", 2)], in: "data/train")
        _ = try write([("cat", 1), ("dog", 1)], in: "data/\(validation)")
        _ = try write([("dog", 2)], in: "data/test")
        let pictures = try LabelledPictures.open(path.parentPath, options)
        #expect(pictures.classNames == ["cat", "dog"])
        #expect(pictures.parts == .init(training: 0..<5, validation: 5..<7, test: 7..<9))
        #expect(pictures.labels == [0, 0, 0, 1, 1, 0, 1, 1, 1])
    }

    @Test func aClassThatIsNotTrainedIsRefused() throws {
        let path = try write([("cat", 1), ("dog", 1)], in: "data/train")
        _ = try write([("emu", 1)], in: "data/val")
        #expect(refusal(path.parentPath)?.description.contains("val/emu: there is no such class") == true)
    }

    @Test func largePicturesAreKeptByTheirShortSide() throws {
        let large = noise(height: 90, width: 200)
        try directory.picture(large, at: "data/a/0.png")
        try directory.picture(noise(height: 30, width: 20), at: "data/b/0.png")
        let kept = try LabelledPictures.open(directory.file("data"), options)
        let picture = try kept.pictures.picture(0)
        #expect(picture.height == 64 && picture.width == 142)
        #expect(try kept.pictures.picture(1).width == 20)
        // Nothing fits into the budget: decoded again, to the same pictures.
        let again = try LabelledPictures.open(
            directory.file("data"), .init(shortSide: 64, budgetBytes: 0, threads: 1))
        #expect(try again.pictures.picture(0) == picture)
        #expect(kept.warnings.isEmpty && again.warnings.count == 1)
        #expect(again.warnings.first?.contains("2 of 2 pictures do not fit into 0 bytes ") == true)
        #expect(try again.pictures.sums(0) == ChannelSums(of: picture))
        FileSystem.unlink(directory.file("data/a/0.png"))
        #expect(try kept.pictures.picture(0) == picture)
        let error = #expect(throws: VitvideoError.self) { try again.pictures.picture(0) }
        #expect(error?.path == directory.file("data/a/0.png"))
    }

    @Test(arguments: PictureHarm.allCases)
    func damagedPicturesAreLeftOutAndCounted(harm: PictureHarm) throws {
        let path = try write([("cat", 3), ("dog", 2)])
        try harm.harm(path + "/cat/1.png", keeping: 60)
        let pictures = try LabelledPictures.open(path, options)
        // A folder of that name holds no picture of its own.
        if harm == .directory { return #expect(pictures.labels == [0, 0, 1, 1]) }
        #expect(pictures.labels == [0, 0, 1, 1])
        #expect(try pictures.pictures.picture(1) == plainPicture(2))
        #expect(pictures.warnings.count == 2)
        #expect(pictures.warnings.first?.contains("cat/1.png") == true)
        #expect(pictures.warnings.last == "\(path): 1 of 5 pictures are left out")
        let strict = refusal(path, .init(shortSide: 64, threads: 1, isStrict: true))
        #expect(strict?.path?.hasSuffix("cat/1.png") == true)
    }

    @Test func manyDamagedPicturesAreNotAllNamed() throws {
        let path = try write([("cat", 30), ("dog", 2)])
        for index in 1..<30 { try PictureHarm.text.harm("\(path)/cat/\(index).png") }
        let pictures = try LabelledPictures.open(path, options)
        #expect(pictures.labels == [0, 1, 1])
        #expect(pictures.warnings.count == 21)
        #expect(pictures.warnings.last == "\(path): 29 of 32 pictures are left out")
    }

    @Test func allDamagedIsAnError() throws {
        let path = try write([("cat", 1), ("dog", 1)])
        try PictureHarm.text.harm(path + "/cat/0.png")
        let lost = try #require(refusal(path))
        #expect(lost.description.contains("no picture of class 'cat' could be used; the first: "))
        #expect(lost.description.contains("cat/0.png"))
        try PictureHarm.empty.harm(path + "/dog/0.png")
        let all = try #require(refusal(path))
        #expect(all.kind == .badData)
        #expect(all.description.contains("none of 2 pictures could be used; the first: "))
    }

    @Test func whatCannotBeTrainedOnIsOneLine() throws {
        let none = directory.file("none")
        #expect(refusal(none)?.kind == .noInput)
        try FileManager.default.createDirectory(atPath: none, withIntermediateDirectories: true)
        #expect(
            refusal(none)?.description.contains("neither folders of classes nor CIFAR-10 or CIFAR-100")
                == true)
        try directory.picture(plainPicture(1), at: "flat/1.png")
        #expect(
            refusal(directory.file("flat"))?.description.contains("do not lie in folders of classes") == true)
        let single = try write([("cat", 3)], in: "single")
        #expect(refusal(single)?.description.contains("there is one class only, 'cat'") == true)
        let empty = try write([("cat", 3)], in: "empty")
        try FileManager.default.createDirectory(
            atPath: empty + "/dog", withIntermediateDirectories: true)
        #expect(refusal(empty)?.description.contains("empty/dog: no pictures are in this directory") == true)
        try directory.write(Array("hello".utf8), to: "text.txt")
        #expect(
            refusal(directory.file("text.txt"))?.description.contains("neither an npz nor a tar archive")
                == true)
        for name in ["none", "flat", "single", "empty", "text.txt"] {
            let line = refusal(directory.file(name))?.description ?? ""
            #expect(!line.contains("\n") && line.contains("; "), "\(name): \(line)")
        }
    }
}
