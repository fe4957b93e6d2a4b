import Base
import Fixtures
import Foundation
import Testing

@testable import Report

@Suite struct BoxListTests {
    private static func list(_ text: String, name: String = "boxes.csv") throws -> BoxList {
        let directory = try TemporaryDirectory()
        return try BoxList(contentsOf: try directory.write(text.utf8, to: name))
    }

    private static func refusal(_ text: String) throws -> VitvideoError {
        let error = #expect(throws: VitvideoError.self) { try list(text) }
        return try #require(error)
    }

    private static func corners(_ box: BoxList.Box) -> [Int] { [box.x0, box.y0, box.x1, box.y1] }

    @Test func tables() throws {
        let boxes = try Self.list(
            """
            \u{FEFF}path,x0,y0,x1,y1,label\r
            a.png, 1, 2, 30.4, 40.6, cat\r
            \r
            "b, ""the"" second.png",0,0,5,6,"dog
            house"
            c.png,0,0,5,6,
            d.png,0,0,5,6
            """
        ).boxes
        #expect(boxes.map(\.path) == ["a.png", "b, \"the\" second.png", "c.png", "d.png"])
        #expect(boxes.map(\.label) == ["cat", "dog\nhouse", nil, nil])
        #expect(boxes.map(\.place) == ["line 2", "line 4", "line 6", "line 7"])
        #expect(Self.corners(boxes[0]) == [1, 2, 30, 41])
        #expect(try Self.list("a.png,0,0,5,6,3").boxes.map(\.label) == ["3"], "without a header")
    }

    @Test(arguments: [
        ("", "it holds no box"), ("path,x0,y0,x1,y1\n", "it holds no box"),
        ("a.png,1,2,3\n", "line 1 has 4 fields"), ("a.png,1,2,3,4,cat,dog\n", "line 1 has 7 fields"),
        (",1,2,3,4\n", "line 1 has 5 fields"),
        ("a.png,1,2,3,4\nb.png,1,2,wide,4\n", "line 2: 'wide' is no number"),
        ("a.png,1,2,nan,4\n", "line 1: x1 is no number"),
        ("a.png,-1,2,3,4\n", "x0 is -1, outside the picture"),
        ("a.png,3,2,3,4\n", "the box is empty, x1 (3) is not above x0 (3)"),
        ("a.png,3,5,6,4\n", "the box is empty, y1 (4) is not above y0 (5)"),
        ("\"a.png,1,2,3,4\n", "line 1: a quotation mark is not closed"),
        ("{\"images\": []}", "does not hold COCO's"),
        ("{", "does not hold COCO's"),
        (
            """
            {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_id": 2, "bbox": [0, 0, 1, 1]}]}
            """, "annotation 0 is of image 2"
        ),
        (
            """
            {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_id": 1, "bbox": [0, 0, 1]}]}
            """, "bbox has 3 numbers"
        ),
    ])
    func whatIsWrong(text: String, mention: String) throws {
        let error = try Self.refusal(text)
        #expect(error.kind == .badData && error.description.contains("boxes.csv"))
        #expect(error.description.contains(mention), "\(error)")
    }

    @Test func aFileThatIsNotThere() {
        #expect {
            try BoxList(contentsOf: "/nowhere/boxes.csv")
        } throws: {
            ($0 as? VitvideoError)?.kind == .noInput && "\($0)".contains("/nowhere/boxes.csv")
        }
    }

    @Test func coco() throws {
        let boxes = try Self.list(
            """
            {"info": {}, "images": [{"id": 7, "file_name": "a.png", "width": 9}, {"id": 8, "file_name": "b.png"}],
             "annotations": [{"id": 1, "image_id": 8, "category_id": 3, "bbox": [1.5, 2, 10, 20.25]},
                             {"id": 2, "image_id": 7, "bbox": [0, 0, 4, 4]}],
             "categories": [{"id": 3, "name": "cat"}]}
            """
        ).boxes
        #expect(boxes.map(\.path) == ["b.png", "a.png"] && boxes.map(\.label) == ["cat", nil])
        #expect(Self.corners(boxes[0]) == [2, 2, 12, 22])
    }

    /// Paths are looked for beside the list and in the working directory; links lead to the same picture.
    @Test func boxesFindTheirPictures() throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: directory.file("photos"), withIntermediateDirectories: false)
        for name in ["photos/a.png", "photos/b.png", "c.png"] { try directory.write([], to: name) }
        try FileManager.default.createSymbolicLink(
            atPath: directory.file("link.png"), withDestinationPath: "c.png")
        let list = try BoxList(
            contentsOf: try directory.write(
                """
                a.png,0,0,1,1
                \(directory.file("c.png")),0,0,2,2
                a.png,0,0,3,3
                b.png,0,0,4,4
                gone.png,0,0,5,5
                """.utf8, to: "photos/boxes.csv"))
        let given = [directory.file("photos/../photos/a.png"), directory.file("link.png")]
        let boxes = try PictureBoxes(list, pictures: given)
        #expect(boxes.boxes.mapValues(\.x1) == [given[0]: 1, given[1]: 2])
        try #require(boxes.notices.count == 2)
        #expect(boxes.notices[0] == "2 boxes are of pictures that are not given, the first of 'b.png'")
        #expect(boxes.notices[1].hasPrefix("1 further box of pictures with several does not count"))
        #expect {
            try PictureBoxes(list, pictures: [directory.file("other.png")])
        } throws: {
            ($0 as? VitvideoError)?.kind == .badData && "\($0)".contains("none of its boxes")
        }
    }

    @Test func labelsAreClassesOfTheModel() throws {
        let directory = try TemporaryDirectory()
        let paths = try ["a.png", "b.png", "c.png"].map { try directory.write([], to: $0) }
        func boxes(_ labels: [String]) throws -> PictureBoxes {
            let rows = zip(paths, labels).map { "\($0),0,0,1,1,\($1)\n" }.joined()
            return try PictureBoxes(
                try BoxList(contentsOf: try directory.write(rows.utf8, to: "boxes.csv")), pictures: paths)
        }
        let supervised = try ReportSubject.tiny("supervised")
        let known = try boxes(["puss", "Big Dog", "7"])
        #expect(try known.classes(of: supervised) == [paths[0]: 0, paths[1]: 1, paths[2]: 7])
        #expect(try known.classes(of: try .tiny("plain")) == nil, "a model without classes")
        #expect(try boxes(["", "", ""]).classes(of: supervised) == nil)
        for (labels, mention) in [
            (["cat", "zebra", "7"], "line 2: supervised: no class is called 'zebra'"),
            (["cat", "11", "7"], "line 2: supervised: there is no class 11"),
        ] {
            #expect {
                try boxes(labels).classes(of: supervised)
            } throws: {
                ($0 as? VitvideoError)?.kind == .badData && "\($0)".contains(mention)
            }
        }
        #expect {
            try boxes(["cat", "", "7"])
        } throws: {
            "\($0)".contains("line 2 has no label, and others have one")
        }
        #expect {
            try boxes(["cat", "cat", "cat"]).classes(of: try .tiny("supervised", names: []))
        } throws: {
            ($0 as? VitvideoError)?.nextStep == .nameClasses
        }
    }
}
