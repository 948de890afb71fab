//! Lines of a delivery service, in Korean.

use super::{Dice, Now, put};

const FAMILY: [&str; 10] = ["김", "이", "박", "최", "정", "강", "조", "윤", "장", "임"];
const GIVEN: [&str; 16] = [
    "민준", "서연", "도윤", "지우", "하준", "서윤", "지호", "하은", "예준", "민서", "주원", "수아", "현우",
    "지민", "은우", "유진",
];
const PLACES: [&str; 12] = [
    "서울 강남구 역삼동",
    "서울 마포구 합정동",
    "경기 성남시 분당구 정자동",
    "부산 해운대구 우동",
    "대구 수성구 범어동",
    "인천 연수구 송도동",
    "광주 서구 치평동",
    "대전 유성구 봉명동",
    "경기 수원시 영통구 이의동",
    "제주 제주시 노형동",
    "울산 남구 삼산동",
    "세종 어진동",
];
const REASONS: [&str; 5] = ["수취인 부재", "주소 불명", "고객 요청", "기상 악화", "상품 파손"];

pub(super) fn line(d: &mut Dice, now: &Now, out: &mut String) -> &'static str {
    let level = d.level();
    let Now { year, month, day, h, m, s, us, .. } = now;
    put(
        out,
        format_args!("[{year}-{month:02}-{day:02} {h:02}:{m:02}:{s:02},{:03}] {level} [배송] ", us / 1000),
    );
    let number = 600_000_000_000 + d.skewed(4_000_000);
    match (level, d.below(10)) {
        ("ERROR", _) => put(
            out,
            format_args!(
                "운송장 {number} 처리 중 오류가 발생했습니다: {} (주문번호 {}, 재시도 {}회)",
                d.one(&["택배사 응답 시간 초과", "주소 정제 실패", "중복된 운송장 번호"]),
                d.skewed(2_000_000),
                d.below(5)
            ),
        ),
        ("WARN", _) => put(
            out,
            format_args!(
                "운송장 {number} 배송이 지연되고 있습니다. 사유: {}, 예상 지연 {}분",
                d.early(&REASONS),
                10 + d.skewed(600)
            ),
        ),
        (_, 0..4) => put(
            out,
            format_args!(
                "운송장 {number} 상태가 '{}'(으)로 변경되었습니다. 담당 기사: {}{}, 위치: {}",
                d.early(&["배송 중", "집화 완료", "터미널 도착", "배송 완료"]),
                d.early(&FAMILY),
                d.one(&GIVEN),
                d.early(&PLACES)
            ),
        ),
        (_, 4..7) => put(
            out,
            format_args!(
                "사용자 {}의 주문 {}번에 대한 배송 요청을 접수했습니다 (상품 {}개, {}원)",
                d.skewed(300_000),
                d.skewed(2_000_000),
                d.skewed(8) + 1,
                (d.skewed(3000) + 10) * 100
            ),
        ),
        _ => put(
            out,
            format_args!(
                "배송 알림을 발송했습니다. 수신자: {}{}님, 채널: {}, 소요 시간: {}ms",
                d.early(&FAMILY),
                d.one(&GIVEN),
                d.early(&["카카오 알림톡", "문자", "앱 푸시"]),
                d.skewed(900)
            ),
        ),
    }
    level
}
