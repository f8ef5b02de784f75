export const format = (text) => text;
export default {};
